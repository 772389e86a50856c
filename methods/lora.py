"""LoRA: low-rank updates beside the query and value projections (Hu et al., 2021, arXiv:2106.09685)."""

from harness.method import LoraMethod


class Lora(LoraMethod):
    learning_rate = 4e-3
    dropout = 0.05
