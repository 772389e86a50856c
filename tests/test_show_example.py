"""``pytest --benchmark --show-example`` prints one training example and runs nothing."""

import pytest

from support.projects import NORMS, ROOT, project

pytest_plugins = ["pytester"]


@pytest.fixture
def shown(pytester, monkeypatch, tiny_folder, rows, write):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    write(pytester.path / "rows.jsonl", rows)

    def run(*arguments, data=pytester.path / "rows.jsonl"):
        project(pytester.path, data=data, model=tiny_folder, norms=NORMS)
        return pytester.runpytest_inprocess("--benchmark", "--suite=small.toml", "--show-example", *arguments)

    return run


def test_the_example_is_printed_and_nothing_is_run_or_written(shown, pytester):
    result = shown()
    assert result.ret == pytest.ExitCode.OK
    assert "tokens of the prompt" in result.outlines[0]
    assert result.outlines[1].split() == ["position", "id", "token", "in", "the", "loss"]
    assert not (pytester.path / "results").exists()


def test_what_cannot_be_read_is_a_usage_error(shown):
    result = shown(data="nowhere.csv")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "nowhere.csv" in "\n".join(result.errlines)
