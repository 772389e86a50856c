"""Every script of ``benchmarks/`` runs to its end: on a tiny model, few rows and few draws."""

import importlib
from importlib.util import find_spec
from pathlib import Path

import pytest
from transformers import LlamaConfig, LlamaForCausalLM, set_seed

from benchmarks import bare_loop, notebook_recipe, sft_trainer
from harness.catalogue.architectures import GROUPED
from harness.store.results import Store
from support.records import finished, prediction

FOLDER = Path(__file__).parent.parent / "benchmarks"
SCRIPTS = {path.stem for path in FOLDER.glob("*.py") if "__main__" in path.read_text(encoding="utf-8")}
ELSEWHERE = {"busy_neighbour", "picture"}  # busy_neighbour has tests of its own, as the mutants have; picture: browser
ON_A_MODEL = ("--model={model}", "--data={data}", "--device=cpu")
QUICK = {  # arguments, and something that is printed
    "answer_figures": (["--draws=1"], "With 1 draws per cell, a method that breaks a limit was named in 0 of"),
    "arrows": ([], "arrows against the table"),
    "english": (["{results}/small", "--probes=1"], "who_said_held_out"),
    "interval_figures": (["--results={results}", "--suite=small", "--draws=1"], "60 methods, noise 2.5"),
    "metric_figures": (["--draws=1", "--size=30", "--only=perplexity"], "one worse, noise 0.03"),
    "scoring": (["--data={data}", "--texts=5"], "largest difference of an F1"),
    "stored_records": (["--methods=3", "--seeds", "1", "2", "--examples=5"], "|         6 |             3 × 2 |"),
    "time_figures": (["--sessions=1"], "12%"),
}
OPTIONAL = {  # these need a package that is no dependency
    "sft_trainer": (
        ["--model={causal}", "--data={data}", "--device=cpu", "--examples=4", "--batch-size=2"],
        "ratio to its defaults",
    ),
}
SLOW = {
    "bare_loop": (
        [*ON_A_MODEL, "--steps=2", "--batch-size=2", "--sizes=64", "--precision=bf16"],
        "best matrix product, bfloat16",
    ),
    "choosing": ([*ON_A_MODEL, "--prompts=3"], "2 of 2"),
    "fit": (
        ["--shapes=embedded", "--methods=lora", "--steps=2", "--batch-size=2", "--test-rows=2", "--device=cpu"],
        "2 comparisons: median error",
    ),
    "gate_figures": (["--results={results}", "--suite=small", "--many=small", "--sessions=1"], "loses last words"),
    "inert_plugin": (["--turns=1"], "with the plugin inert"),
    "notebook_recipe": ([*ON_A_MODEL, "--examples=4", "--summaries=2"], "end to end"),
    "one_by_one": ([*ON_A_MODEL, "--prompts=3"], "answers that are the same"),
    "other_numerics": (["--model={model}", "--data={data}", "--sessions=1"], "| all "),
    "planted_regressions": (
        ["--model={model}", "--data={data}", "--only=nothing", "--fresh=0", "--stored=1"],
        "0 of 1 red",
    ),
    "seq2seq_trainer": ([*ON_A_MODEL, "--examples=4", "--dialogues=2"], "test evaluation"),
} | (OPTIONAL if find_spec(sft_trainer.PACKAGE) else {})


@pytest.fixture(scope="module")
def places(tiny_folder, tokenizer, rows, write, tmp_path_factory):
    """What the arguments name."""
    folder = tmp_path_factory.mktemp("benchmarks")
    words = ["Ann", "asks", "Bob", "for", "a", "room", "with", "a", "view,", "and", "he", "has", "none"]
    store = Store(folder / "results", "small")
    store.open()
    for number, method in enumerate(("lora", "dora", "ia3", "bitfit")):
        for seed in range(2):
            texts = [" ".join(words[: 8 + (3 * row + number + seed) % 5]) for row in range(8)]
            whole = [prediction(row, text, references=(" ".join(words),)) for row, text in enumerate(texts)]
            store.write_run(finished(method, seed), whole)
    store.close()
    set_seed(0)
    config = LlamaConfig(**GROUPED, vocab_size=402, bos_token_id=None, eos_token_id=1, pad_token_id=0)
    LlamaForCausalLM(config).save_pretrained(folder / "causal")
    tokenizer.save_pretrained(folder / "causal")
    data = write(folder / "rows.jsonl", rows)
    return {"model": tiny_folder, "causal": folder / "causal", "data": data, "results": folder / "results"}


@pytest.fixture
def run(capsys, monkeypatch):
    """``run(script, places)``: what the script prints."""
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")  # no time is asserted, and other tests may run beside this one

    def printed(script, places):
        arguments, _ = (QUICK | SLOW)[script]
        importlib.import_module(f"benchmarks.{script}").main([each.format(**places) for each in arguments])
        return capsys.readouterr().out

    return printed


def test_every_script_is_tried():
    assert QUICK.keys() | SLOW.keys() | OPTIONAL.keys() | ELSEWHERE == SCRIPTS


@pytest.mark.parametrize("script", [*QUICK, *(pytest.param(script, marks=pytest.mark.slow) for script in SLOW)])
def test_a_script_runs_to_its_end(script, places, run):
    _, printed = (QUICK | SLOW)[script]
    assert printed in run(script, places)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "printed"), [("bare_loop", "full fine-tuning, causal"), ("choosing", "2 of 2"), ("one_by_one", "3 of 3")]
)
def test_a_script_for_both_families_measures_a_decoder_only_model(script, printed, places, run):
    assert printed in run(script, {**places, "model": places["causal"]})


def test_a_script_for_one_family_refuses_the_other(places):
    arguments = [f"--model={places['causal']}", f"--data={places['data']}", "--device=cpu"]
    with pytest.raises(SystemExit, match="needs a seq2seq model; this is causal"):
        notebook_recipe.main(arguments)


def test_only_scripts_for_both_families_ask_which(capsys):
    with pytest.raises(SystemExit):
        bare_loop.main(["--help"])
    assert "--family {seq2seq,causal}" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        sft_trainer.main(["--help"])
    assert "--family" not in capsys.readouterr().out


def test_a_package_that_is_missing_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(sft_trainer, "PACKAGE", "no_such_package")
    with pytest.raises(SystemExit, match=r"needs the package no_such_package: pip install -e '\.\[bench\]'"):
        sft_trainer.main([])
