"""Building methods on the tiny T5, and answering with what they saved in a process that never saw them train."""

from collections.abc import Sequence
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoTokenizer

from harness.method import Method, Setting
from harness.models import base_model
from harness.models.base_model import Model
from harness.models.seq2seq import Seq2SeqFamily
from harness.run import loader
from harness.spec import registry
from harness.spec.suite import ModelTable, TaskTable
from harness.tasks.task import prompt_of

CPU = torch.device("cpu")


def load(folder: Path) -> Model:
    """The model in a checkpoint folder, as a run loads it."""
    return base_model.load(ModelTable(name=str(folder)), CPU).model


def instance(name: str, folder: Path, seed: int = 0) -> Method:
    """The method of that name, set up for a checkpoint folder."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    setting = Setting(
        Seq2SeqFamily(tokenizer), prompt_of(TaskTable(name="dialogsum")), max_new_tokens=8, num_beams=1, seed=seed
    )
    return loader.load(registry.discover()[name], {})(setting)


def answers(name: str, saved: Path, folder: Path, prompts: Sequence[str]) -> list[str]:
    """What the method answers with what was saved: an adapter on the base in ``folder``, or a whole model."""
    base = load(folder)
    adapter = (saved / "adapter_config.json").exists()
    model = PeftModel.from_pretrained(base, saved) if adapter else type(base).from_pretrained(saved)
    return instance(name, folder).generate(model, prompts)
