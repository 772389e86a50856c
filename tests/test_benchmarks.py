"""Every script of ``benchmarks/`` runs to its end: on a tiny model, few rows and few draws."""

import importlib
from pathlib import Path

import pytest

from harness.store.results import Store
from support.records import finished, prediction

FOLDER = Path(__file__).parent.parent / "benchmarks"
SCRIPTS = {path.stem for path in FOLDER.glob("*.py") if "__main__" in path.read_text(encoding="utf-8")}
ELSEWHERE = {"busy_neighbour"}  # has a file of tests of its own, as the mutants have
ON_A_MODEL = ("--model={model}", "--data={data}", "--device=cpu")
QUICK = {  # arguments, and something that is printed
    "arrows": ([], "arrows against the table"),
    "english": (["{results}/small", "--probes=1"], "who_said_held_out"),
    "interval_figures": (["--results={results}", "--suite=small", "--draws=1"], "60 methods, noise 2.5"),
    "scoring": (["--data={data}", "--texts=5"], "largest difference of an F1"),
    "stored_records": (["--methods=3", "--seeds=2", "--rows=5"], "6 records of 5 test rows, 3 methods"),
    "time_figures": (["--sessions=1"], "12%"),
}
SLOW = {
    "bare_loop": ([*ON_A_MODEL, "--steps=2", "--batch-size=2", "--sizes=64"], "utilisation"),
    "gate_figures": (["--results={results}", "--suite=small", "--many=small", "--sessions=1"], "loses last words"),
    "inert_plugin": (["--turns=1"], "with the plugin inert"),
    "notebook_recipe": ([*ON_A_MODEL, "--examples=4", "--summaries=2"], "end to end"),
    "planted_regressions": (
        ["--model={model}", "--data={data}", "--only=nothing", "--fresh=0", "--stored=1"],
        "0 of 1 red",
    ),
    "seq2seq_trainer": ([*ON_A_MODEL, "--examples=4", "--dialogues=2"], "test evaluation"),
}


@pytest.fixture(scope="module")
def places(tiny_folder, rows, write, tmp_path_factory):
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
    return {"model": tiny_folder, "data": write(folder / "rows.jsonl", rows), "results": folder / "results"}


def test_every_script_is_tried():
    assert QUICK.keys() | SLOW.keys() | ELSEWHERE == SCRIPTS


@pytest.mark.parametrize("script", [*QUICK, *(pytest.param(script, marks=pytest.mark.slow) for script in SLOW)])
def test_a_script_runs_to_its_end(script, places, capsys, monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")  # no time is asserted, and other tests may run beside this one
    arguments, printed = (QUICK | SLOW)[script]
    importlib.import_module(f"benchmarks.{script}").main([each.format(**places) for each in arguments])
    assert printed in capsys.readouterr().out
