"""How Python loads a base model in the precision of a suite."""

from .suite import ModelTable


def arguments(table: ModelTable) -> str:
    """The arguments of ``from_pretrained`` for it, as Python writes them, with transformers' names."""
    if table.quantization is None:
        return f'dtype="{table.dtype}"'
    values = f'load_in_4bit=True, bnb_4bit_quant_type="{table.quantization}", bnb_4bit_compute_dtype="{table.dtype}"'
    return f'dtype="{table.dtype}", quantization_config=BitsAndBytesConfig({values})'
