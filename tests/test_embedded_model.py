"""The committed base model is the one that its card describes, and it reads."""

import hashlib
import json
import re
import sys
from random import Random

import pytest
import torch

from harness.embedded import architecture, checkpoint, corpus, curriculum, pretrain
from harness.models import base_model
from harness.spec.suite import ModelTable

CARD = (base_model.EMBEDDED / "README.md").read_text(encoding="utf-8")
WEIGHTS = base_model.EMBEDDED / "model.safetensors"
SHARES = {name: float(share) / 100 for name, share in re.findall(r"^\| (\w+) \| ([\d.]+)% \|$", CARD, re.MULTILINE)}


@pytest.fixture(scope="module")
def embedded():
    return base_model.load(ModelTable(), torch.device("cpu"))


def test_the_card_has_the_hash_of_the_weights():
    assert hashlib.sha256(WEIGHTS.read_bytes()).hexdigest() in CARD
    assert WEIGHTS.stat().st_size <= 16_000_000


def test_it_is_a_small_t5_of_flan_t5s_kind(embedded):
    model = embedded.model
    assert f"{model.num_parameters():,} parameters" in CARD
    assert 1_500_000 <= model.num_parameters() <= 8_000_000
    assert model.config.is_gated_act
    assert not torch.equal(model.lm_head.weight, model.shared.weight)
    assert not model.config.scale_decoder_outputs
    assert 2_000 <= len(embedded.tokenizer) <= 4_000


@pytest.mark.parametrize("text", ["#Person1#: Hello, it's 5 o'clock.", "Größe, naïve café – 東京 🙂", "a\n\nb  c"])
def test_its_tokenizer_gives_back_any_text(embedded, text):
    assert embedded.tokenizer.decode(embedded.tokenizer(text)["input_ids"], skip_special_tokens=True) == text


def test_the_card_shows_that_it_reads_facts_follows_who_speaks_and_repeats():
    assert SHARES["slots"] >= 0.8
    assert SHARES["who_said"] >= 0.9
    assert SHARES["repeat"] >= 0.8


def test_the_card_is_right_about_it(embedded):
    measured = pretrain.probe(embedded.model, embedded.tokenizer, 40)
    for name, share in SHARES.items():
        margin = 4 * (max(share * (1 - share), 0.02) / 40) ** 0.5  # four standard errors of forty items
        assert abs(measured[name] - share) <= margin, name


def test_its_own_settings_keep_it_from_going_round_in_circles():
    settings = json.loads((base_model.EMBEDDED / "generation_config.json").read_text(encoding="utf-8"))
    assert settings.items() >= architecture.GENERATION.items()


def test_it_was_never_shown_a_summary_or_a_scenario_that_is_held_out():
    rng = Random(0)
    drawn = {curriculum.conversation(rng).scenario.name for _ in range(1000)}
    assert drawn == {scenario.name for scenario in corpus.scenarios() if not scenario.held_out}
    assert "Summar" not in " ".join(curriculum.tokenizer_texts())


def test_an_unknown_instruction_is_answered_with_the_topic():
    conversation = curriculum.conversation(rng := Random(0))
    example = curriculum.unknown(conversation, conversation.turns, rng)
    assert example.answer == conversation.scenario.topic
    assert conversation.dialogue in example.prompt
    assert "topic" not in example.prompt.replace(conversation.dialogue, "")


@pytest.fixture
def script(tmp_path, monkeypatch):
    """Runs the script with a few small steps in each phase, few texts for the tokenizer, one probe of each kind."""
    monkeypatch.setattr(pretrain, "PHASES", ((2, 1.0), (2, 0.6), (4, 0.6)))
    monkeypatch.setattr(pretrain, "PROBE_ITEMS", 1)
    monkeypatch.setattr(pretrain, "SAVED_STEPS", 2)
    monkeypatch.setattr(curriculum, "BATCH_SIZE", 4)
    rng = Random(0)
    texts = [curriculum.conversation(rng).dialogue for _ in range(1000)]
    monkeypatch.setattr(curriculum, "tokenizer_texts", lambda: texts)

    def run(*arguments):
        threads = f"--threads={torch.get_num_threads()}"
        monkeypatch.setattr(sys, "argv", ["pretrain", f"--output={tmp_path}", threads, *arguments])
        pretrain.main()

    return run


def test_it_is_made_by_a_script_that_runs_to_its_end(script, tmp_path, capsys):
    script()
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert hashlib.sha256((tmp_path / "model.safetensors").read_bytes()).hexdigest() in card
    assert "steps of each phase: 2, 2, 4" in card
    assert card in capsys.readouterr().out
    assert base_model.load(ModelTable(name=str(tmp_path)), torch.device("cpu")).model.num_parameters() > 1_000_000
    assert not (tmp_path / checkpoint.NAME).exists()


def test_a_training_that_was_interrupted_ends_at_the_same_weights(script, tmp_path, monkeypatch):
    script()
    whole = (tmp_path / "model.safetensors").read_bytes()
    steps, step = [], pretrain._step

    def interrupted(*arguments):
        steps.append(None)
        if len(steps) == 8:  # the last of the third phase
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(pretrain, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        script()
    assert checkpoint.progress(tmp_path)[:2] == (2, 2)
    script("--resume")
    assert len(steps) == 10
    assert (tmp_path / "model.safetensors").read_bytes() == whole
