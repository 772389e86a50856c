"""docs/methods.md is what the code says about the methods now."""

import json
from importlib.metadata import version

import pytest

from harness.catalogue import capabilities, page, reach
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
    found = capabilities.probe(PLUGINS[name]).model_dump(mode="json")
    assert found == {field: value for field, value in FINDINGS[name].items() if field != "source"}


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
        ("bitfit", (*reach.PARTS,)[1:-1]),
    ],
)
def test_what_a_method_reaches_is_found_wherever_its_parameters_are(name, parts):
    assert set(FINDINGS[name]["reaches"]) == set(parts)


def test_a_merge_that_changes_other_answers_is_none():
    assert FINDINGS["lora"]["merges"]
    assert not FINDINGS["trainable_tokens"]["merges"]  # PEFT writes into the embedding that the decoder shares
    assert not FINDINGS["prompt_tuning"]["merges"]


def test_starting_at_the_base_model_is_told_from_starting_beside_it():
    assert FINDINGS["pissa"]["identity"]
    assert not FINDINGS["prompt_tuning"]["identity"]


def test_a_method_that_adds_no_module_adds_no_operation():
    assert FINDINGS["full_finetune"]["operations"] == FINDINGS["bitfit"]["operations"] == 1.0
    assert FINDINGS["dora"]["operations"] > FINDINGS["lora"]["operations"] > 1.0
