"""What docs/models.md says about architectures is what happens when methods are tried on them."""

import re

import pytest
from peft import LNTuningConfig

from harness.catalogue import attempt, models
from harness.catalogue.architectures import DECODER_ONLY, ENCODER_DECODER
from harness.catalogue.models import Cell
from support import contracts
from support.zoo import CLASSES

PAGE = models.PAGE.read_text(encoding="utf-8")
STALE = "run python -m harness.catalogue.models"
WITHOUT_NORMS = "no module of olmo that has weights is known to have the role 'norm'"


def whole(page):
    """By kind of model, the architectures between the marks on which every method does what it says."""
    lines = re.findall(r"^- (\S+): (.*)$", models.MARKS.search(page).group(), re.MULTILINE)
    return {kind: re.findall(r"`([^`]+)`", names) for kind, names in lines}


def rows(page):
    """The cells of the table between the marks, row by row, without its titles."""
    lines = models.MARKS.search(page).group().splitlines()
    return [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| `")]


def old_page(tmp_path):
    page = tmp_path / "models.md"
    marks = ("<!-- architectures and methods: a command -->", "<!-- end of architectures and methods -->")
    page.write_text("\n\n".join(["Before", marks[0], "| old |", marks[1], "After"]))
    return page


@pytest.mark.slow
def test_the_page_says_what_trying_finds():
    found = models.cells()
    assert {place: cell.failure for place, cell in found.items() if cell.failure} == {}
    assert models.shown(PAGE, found) == PAGE, STALE


def test_the_page_names_every_architecture_in_its_list_or_among_the_exceptions():
    exceptions = {name for name, _, _ in rows(PAGE)}
    kinds = {"encoder-decoder": ENCODER_DECODER, "decoder-only": DECODER_ONLY}
    assert whole(PAGE) == {kind: [name for name in names if name not in exceptions] for kind, names in kinds.items()}
    assert exceptions <= {*ENCODER_DECODER, *DECODER_ONLY}


def test_the_page_says_of_every_method_what_has_to_change():
    section = PAGE.partition("| what has to change |")[2].partition("<!--")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(models.METHODS)


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("t5", "zero_shot"),
        ("gpt2", "full_finetune"),
        ("bert2gpt2", "lora"),
        ("llama", "prompt_tuning"),
        ("gemma2", "ln_tuning"),
        ("led", "last_layers"),
        ("bart", "layerwise_decay"),
    ],
)
def test_a_method_does_what_it_says(name, method):
    assert models.cell(name, method) == Cell()


def test_a_method_that_cannot_attach_has_its_reason():
    assert models.cell("olmo", "ln_tuning") == Cell(unsupported=WITHOUT_NORMS)


def test_norms_that_are_left_out_are_noticed():
    class Some(CLASSES["ln_tuning"]):
        def config(self, base):
            return LNTuningConfig(target_modules=["input_layernorm", "model.norm"])

    assert attempt.problems("llama", "ln_tuning", Some) == [
        "model.layers.0.post_attention_layernorm.ln_tuning_layers.default.weight, "
        "model.layers.1.post_attention_layernorm.ln_tuning_layers.default.weight stay as they were"
    ]


def test_weights_that_change_as_well_are_noticed():
    everything = contracts.having(CLASSES["full_finetune"], layers=1)
    (problem,) = attempt.problems("llama", "last_layers", everything)
    assert problem.startswith("lm_head.weight, model.embed_tokens.weight, model.layers.0.")
    assert problem.endswith(" change as well")


def test_blocks_that_share_a_learning_rate_are_noticed():
    plain = contracts.having(CLASSES["full_finetune"], decay=0.5)
    (problem,) = attempt.problems("llama", "layerwise_decay", plain)
    assert problem.startswith("model.embed_tokens.weight, model.layers.0.")
    assert "model.layers.1." not in problem
    assert problem.endswith(" have another learning rate")


def test_a_reference_row_that_trains_is_noticed():
    (problem,) = attempt.problems("llama", "zero_shot", CLASSES["prompt_tuning"])
    assert problem == "prompt_encoder.default.embedding.weight change as well"


def test_writing_puts_the_list_and_the_exceptions_between_the_marks(tmp_path, monkeypatch):
    page = old_page(tmp_path)
    monkeypatch.setattr(models, "KINDS", {"decoder-only": ["llama", "olmo"]})
    monkeypatch.setattr(models, "METHODS", ("zero_shot", "ln_tuning"))
    models.write(page)
    text = page.read_text(encoding="utf-8")
    assert whole(text) == {"decoder-only": ["llama"]}
    assert rows(text) == [["olmo", "ln_tuning", WITHOUT_NORMS]]
    assert "| old |" not in text
    assert (text[:6], text[-5:]) == ("Before", "After")


def test_without_an_exception_there_is_no_table(monkeypatch):
    monkeypatch.setattr(models, "KINDS", {"decoder-only": ["llama", "gpt2"]})
    listed = models.listed({("llama", "lora"): Cell(), ("gpt2", "lora"): Cell()})
    assert listed == f"{models.EVERYWHERE}\n\n- decoder-only: `llama`, `gpt2`"


def test_a_failure_is_told_and_leaves_the_page_as_it_was(tmp_path, monkeypatch):
    page = old_page(tmp_path)
    before = page.read_text(encoding="utf-8")
    monkeypatch.setattr(models, "KINDS", {"decoder-only": ["llama", "novel"]})
    monkeypatch.setattr(models, "METHODS", ("zero_shot", "lora"))
    with pytest.raises(SystemExit) as ended:
        models.write(page)
    assert str(ended.value) == "zero_shot on novel: KeyError: 'novel'\nlora on novel: KeyError: 'novel'"
    assert page.read_text(encoding="utf-8") == before
