"""docs/methods.md is what the code says about the methods now."""

import json
from importlib.metadata import version

import pytest
import torch

from harness.catalogue import capabilities, page, reach, shapes
from harness.catalogue.architectures import ENCODER_DECODER, tiny
from harness.catalogue.subjects import SUBJECTS
from harness.spec import registry

PLUGINS = registry.discover()
FINDINGS = json.loads(page.FINDINGS.read_text(encoding="utf-8"))
STALE = "run python -m harness.catalogue.page"


def test_the_page_says_what_was_found():
    assert page.PAGE.read_text(encoding="utf-8") == page.page(PLUGINS, FINDINGS), STALE


def test_every_method_was_looked_at_as_it_is_now():
    assert {name: one["source"] for name, one in FINDINGS.items()} == {
        name: page.source(plugin) for name, plugin in PLUGINS.items()
    }, STALE


def test_that_does_not_hang_on_what_the_libraries_were_built_for(monkeypatch):
    monkeypatch.setattr(page, "version", lambda package: f"{version(package).partition('+')[0]}+cu130")
    assert {one["source"] for one in FINDINGS.values()} == {page.source(plugin) for plugin in PLUGINS.values()}
    assert page.PAGE.read_text(encoding="utf-8") == page.page(PLUGINS, FINDINGS)


def test_writing_them_again_looks_at_no_method_twice_and_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(capabilities, "probe", None)
    for name in ("FINDINGS", "PAGE"):
        there = getattr(page, name)
        monkeypatch.setattr(page, name, tmp_path / there.name)
        getattr(page, name).write_bytes(there.read_bytes())
    page.write()
    assert json.loads(page.FINDINGS.read_text(encoding="utf-8")) == FINDINGS
    assert page.PAGE.read_text(encoding="utf-8") == page.page(PLUGINS, FINDINGS)


@pytest.mark.parametrize(
    "name", ["full_finetune", "ln_tuning", "lora", "ia3", "prompt_tuning", "prefix_tuning", "trainable_tokens", "cpt"]
)
def test_looking_again_finds_the_same(name):
    found = {family: one.model_dump(mode="json") for family, one in capabilities.probe(PLUGINS[name]).items()}
    assert found == {field: value for field, value in FINDINGS[name].items() if field != "source"}


def test_the_page_has_a_column_for_each_family_that_methods_are_tried_on():
    assert [subject.kind.name for subject in SUBJECTS] == list(page.FAMILIES)


def test_the_shape_of_smollm2_has_the_parameters_that_the_page_names():
    with torch.device("meta"):
        model = shapes.llama(**shapes.SMOLLM2_135M)
    assert sum(parameter.numel() for parameter in model.parameters()) == 162_826_560
    assert "(162,826,560 parameters)" in page.INTRODUCTION


ATTENTION = ("encoder self-attention", "decoder self-attention", "cross-attention")


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("full_finetune", tuple(reach.PARTS)),
        ("lm_head", ("LM head",)),
        ("cross_attention", ("cross-attention",)),
        ("lora", ATTENTION),
        ("unilora", ATTENTION),  # one vector outside all layers
        ("prompt_tuning", ("embeddings",)),
        ("trainable_tokens", ("embeddings",)),
        ("prefix_tuning", ("decoder self-attention",)),
        ("bitfit", reach.PARTS[1:-1]),
    ],
)
def test_what_a_method_reaches_is_found_wherever_its_parameters_are(name, parts):
    assert set(FINDINGS[name]["seq2seq"]["reaches"]) == set(parts)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("full_finetune", ("embeddings", "decoder self-attention", "decoder feed-forward", "LM head")),
        ("lm_head", ("LM head",)),
        ("lora", ("decoder self-attention",)),
        ("prompt_tuning", ("embeddings",)),
        ("cpt", ("embeddings",)),
        ("prefix_tuning", ("decoder self-attention",)),
        ("adaption_prompt", ("decoder self-attention",)),
        ("ia3", ("decoder self-attention", "decoder feed-forward")),
        ("ln_tuning", ("decoder self-attention", "decoder feed-forward")),
        ("shadow", ()),
    ],
)
def test_the_same_is_found_on_a_decoder_only_model(name, parts):
    assert tuple(FINDINGS[name]["causal"]["reaches"]) == parts


@pytest.mark.parametrize(
    ("name", "trained", "parts"),
    [
        ("llama", "embed_tokens", ("embeddings",)),
        ("llama", "input_layernorm", ("decoder self-attention",)),
        ("llama", "post_attention_layernorm", ("decoder feed-forward",)),
        ("llama", "lm_head", ("LM head",)),
        ("gpt2", "c_attn", ("decoder self-attention",)),
        ("gpt2", "ln_2", ("decoder feed-forward",)),
        ("bart", "encoder_attn.q_proj", ("cross-attention",)),
        ("bart", "fc1", ("encoder feed-forward", "decoder feed-forward")),
    ],
)
def test_a_part_is_reached_by_what_it_holds_and_by_the_norm_in_front_of_it(name, trained, parts):
    model, tokens = tiny(name), torch.arange(16).reshape(2, 8) + 5
    where = reach.places(model)
    for own, parameter in model.named_parameters():
        parameter.requires_grad_(trained in own)
    given = {"input_ids": tokens} | ({"decoder_input_ids": tokens} if name in ENCODER_DECODER else {})
    assert reach.of(model, where, lambda: model(**given)) == parts


def test_methods_that_only_one_family_has_room_for_have_a_reason_on_the_other():
    runs = {
        family: {name for name, one in FINDINGS.items() if not one[family]["unsupported"]} for family in page.FAMILIES
    }
    assert runs["causal"] - runs["seq2seq"] == {"adaption_prompt", "cpt", "shadow"}
    assert runs["seq2seq"] - runs["causal"] == {"cross_attention", "decoder_only"}


@pytest.mark.parametrize("family", page.FAMILIES)
def test_at_least_sixty_methods_run_on_each_family(family):
    assert len([name for name, one in FINDINGS.items() if not one[family]["unsupported"]]) >= 60


def test_a_merge_that_changes_other_answers_is_none():
    assert FINDINGS["lora"]["seq2seq"]["merges"]
    assert FINDINGS["lora"]["causal"]["merges"]
    assert not FINDINGS["trainable_tokens"]["seq2seq"]["merges"]  # PEFT writes into what the decoder shares
    assert not FINDINGS["prompt_tuning"]["seq2seq"]["merges"]
    assert not FINDINGS["adaption_prompt"]["causal"]["merges"]


@pytest.mark.parametrize("family", page.FAMILIES)
def test_starting_at_the_base_model_is_told_from_starting_beside_it(family):
    assert FINDINGS["pissa"][family]["identity"]
    assert not FINDINGS["prompt_tuning"][family]["identity"]


@pytest.mark.parametrize("family", page.FAMILIES)
def test_a_method_that_adds_no_module_adds_no_operation(family):
    assert FINDINGS["full_finetune"][family]["operations"] == FINDINGS["bitfit"][family]["operations"] == 1.0
    assert FINDINGS["dora"][family]["operations"] > FINDINGS["lora"][family]["operations"] > 1.0
