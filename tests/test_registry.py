"""Method files are found without being imported, and one that breaks the contract says where and why."""

import re
import shutil

import pytest

from harness.method import Method
from harness.run import loader
from harness.spec import aliases, registry
from harness.spec.errors import PluginError
from harness.spec.registry import Plugin

METHOD = """from harness.method import Method

class {name}(Method):
    rank = 8

    def build(self, base):
        return base
"""


@pytest.fixture
def plugin(tmp_path):
    """Writes a method file and returns its plugin."""

    def write(source, method="mine"):
        path = tmp_path / f"{method}.py"
        path.write_text(source)
        return Plugin(method, path)

    return write


def refusal(plugin, **overrides):
    """What ``load`` says about a plugin that it refuses."""
    with pytest.raises(PluginError) as error:
        loader.load(plugin, overrides)
    return str(error.value)


def test_the_methods_of_tuneoff_are_found():
    assert {"zero_shot", "lead3", "prompt_tuning", "lora", "full_finetune"} <= set(registry.discover())


def test_methods_are_found_in_a_folder_of_another_project(plugin, tmp_path):
    mine = plugin(METHOD)
    assert registry.discover([tmp_path])["mine"] == mine


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(PluginError, match=f"method_paths: {tmp_path / 'methodz'}: no such file or folder"):
        registry.discover([tmp_path / "methodz"])


def test_a_folder_under_two_names_is_one_folder(plugin, tmp_path):
    mine = plugin(METHOD)
    (tmp_path / "link").symlink_to(tmp_path)
    assert registry.discover([tmp_path, tmp_path / "link"])["mine"] == mine


def test_methods_of_an_installed_package_are_found_through_its_entry_point(tmp_path, monkeypatch):
    package = tmp_path / "their_methods"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "theirs.py").write_text(METHOD)
    metadata = tmp_path / "theirs-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[tuneoff.methods]\ntheirs = their_methods\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert registry.discover()["theirs"].path == package / "theirs.py"
    shutil.rmtree(package)
    with pytest.raises(PluginError, match=r"'theirs' of tuneoff\.methods: there is no module their_methods"):
        registry.discover()


@pytest.mark.parametrize("name", ["harness", "tuneoff"])
@pytest.mark.parametrize(
    ("line", "base"),
    [
        ("from {}.method import Method", "Method"),
        ("from {} import method", "method.Method"),
        ("import {}.method as contract", "contract.Method"),
        ("import {0}.method", "{0}.method.Method"),
    ],
)
def test_a_method_may_call_tuneoff_by_either_of_its_names(plugin, tmp_path, name, line, base):
    mine = plugin(f"{line.format(name)}\n\nclass Mine({base.format(name)}):\n    build = print\n")
    assert "mine" in registry.discover([tmp_path])
    assert issubclass(loader.load(mine, {}), Method)


def test_a_project_whose_own_folder_is_hidden_by_the_repositorys_is_told_which(plugin, tmp_path, monkeypatch):
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness" / "ours.py").write_text("RATE = 0.5\n")
    monkeypatch.syspath_prepend(tmp_path)
    told = refusal(plugin(f"from harness.ours import RATE\n{METHOD.format(name='Mine')}"))
    assert ":1: cannot be imported: ModuleNotFoundError: No module named 'harness.ours'; " in told
    assert (
        f"; {tmp_path / 'harness'} is hidden by Tuneoff's own folder of that name, {aliases.PACKAGE_FOLDER}: install"
        in told
    )


def test_a_file_with_a_leading_underscore_is_no_method(plugin, tmp_path):
    plugin(METHOD, "_shared")
    assert set(registry.discover([tmp_path])) == set(registry.discover())


def test_discovering_imports_no_method(plugin, tmp_path):
    plugin("raise SystemExit\n" + METHOD.format(name="Explosive"), "explosive")
    assert "explosive" in registry.discover([tmp_path])


@pytest.mark.parametrize(
    "source",
    [
        "from harness.method import Method as Base\nclass Mine(Base): ...\n",
        "from harness import method\nclass Mine(method.PeftMethod): ...\n",
        "import harness.method as contract\nclass Mine(contract.Bound): ...\n",
        "from harness.method import Model\nfrom ours import Adapter\nclass Mine(Adapter): ...\n",
        "from ours import OurMethod\nclass Mine(OurMethod): ...\n",
        "import ours\nif True:\n    class Mine(ours.OurMethod[int]): ...\n",
        "from harness.method import Method\nclass = Method\n",  # its row tells the error
    ],
)
def test_a_file_with_a_class_that_may_be_a_method_is_one(plugin, tmp_path, source):
    plugin(source)
    assert "mine" in registry.discover([tmp_path])
    assert registry.passed_over([tmp_path]) == []


@pytest.mark.parametrize(
    "source",
    [
        "raise SystemExit\n",
        "class Trainer: ...\n",
        "import torch\nclass LoRA(torch.nn.Module): ...\n",
        "from harness.method import Model\n\ndef train(model: Model): ...\n",
        "print 'Python 2'\n",
        "\x00\n",
        "",
    ],
)
def test_any_other_file_is_passed_over_and_claims_no_id(plugin, tmp_path, source):
    lora = plugin(source, "lora").path
    assert registry.discover([tmp_path]) == registry.discover()
    assert registry.passed_over([tmp_path]) == [lora]


def test_two_files_with_one_id_are_both_named(plugin, tmp_path):
    plugin(METHOD, "lora")
    with pytest.raises(PluginError) as error:
        registry.discover([tmp_path])
    assert "two methods have the id 'lora'" in str(error.value)
    assert "rename one of the files, begin its name with _" in str(error.value)
    assert str(tmp_path / "lora.py") in str(error.value)
    assert str(registry.BUILT_IN / "lora.py") in str(error.value)


def test_the_source_hash_changes_with_the_file(plugin):
    before = plugin("a = 1").source_hash
    assert plugin("a = 2").source_hash != before


def test_a_known_method_is_found_by_its_id(plugin):
    mine = plugin(METHOD)
    assert registry.find({"mine": mine}, "mine") is mine


def test_an_unknown_method_is_answered_with_the_closest_one_all_there_are_and_how_to_add_it(plugin):
    plugins = {name: plugin(METHOD, name) for name in ("lora", "zero_shot")}
    with pytest.raises(PluginError) as error:
        registry.find(plugins, "lroa")
    assert "unknown method 'lroa'; did you mean 'lora'? Known: lora, zero_shot" in str(error.value)
    assert "one file, lroa.py, with a class derived from harness.method.Method, in a folder that method_paths" in str(
        error.value
    )


def test_a_syntax_error_is_reported_with_file_and_line(plugin):
    broken = plugin("rank = 8\nclass Mine(:\n")
    assert refusal(broken).startswith(f"{broken.path}:2: invalid syntax")


def test_an_error_while_importing_is_reported_with_the_line_of_the_file(plugin):
    broken = plugin("import json\n\njson.loads('{')\n")
    assert refusal(broken).startswith(f"{broken.path}:3: cannot be imported: JSONDecodeError: ")


def test_a_syntax_error_in_another_file_is_reported_at_the_line_that_imports_it(plugin, tmp_path, monkeypatch):
    (tmp_path / "their_broken_module.py").write_text("\n\n\n\nx = (\n")
    monkeypatch.syspath_prepend(tmp_path)
    broken = plugin("rank = 8\nimport their_broken_module\n")
    assert refusal(broken).startswith(f"{broken.path}:2: ")


def test_a_file_without_a_method_is_refused(plugin):
    empty = plugin("rank = 8\n")
    assert refusal(empty) == f"{empty.path}: needs exactly one class derived from harness.method.Method, found none"


def test_an_imported_base_class_is_not_the_files_method(plugin):
    assert refusal(plugin("from harness.method import Method, PeftMethod\n")).endswith("found none")


def test_a_file_with_two_methods_is_refused(plugin):
    two = METHOD.format(name="One") + METHOD.format(name="Two")
    assert refusal(plugin(two)).endswith("found One, Two")


@pytest.mark.parametrize("base", ["Method", "PeftMethod"])
def test_a_method_that_builds_nothing_is_refused(plugin, base):
    lazy = plugin(f"from harness.method import {base}\n\nclass Lazy({base}):\n    rank = 8\n")
    assert refusal(lazy) == f"{lazy.path}: Lazy does not define build(); {registry.BUILT_IN}/bitfit.py is an example"


def test_a_bound_that_answers_nothing_is_refused(plugin):
    lazy = plugin("from harness.method import Bound\n\nclass Lazy(Bound):\n    turns = 3\n")
    assert refusal(lazy) == f"{lazy.path}: Lazy does not define answer(); {registry.BUILT_IN}/oracle.py is an example"


def test_a_hyper_parameter_called_config_is_no_build(plugin):
    lazy = plugin('from harness.method import Method\n\nclass Lazy(Method):\n    config = "small"\n')
    assert "Lazy does not define build()" in refusal(lazy)


def test_a_method_that_keeps_the_contract_is_loaded_with_its_overrides(plugin):
    loaded = loader.load(plugin(METHOD.format(name="Mine")), {"rank": 2, "learning_rate": 1})
    assert loaded.__name__ == "Mine"
    assert (loaded.rank, loaded.learning_rate, loaded.weight_decay) == (2, 1, 0.0)


def test_an_unknown_override_is_answered_with_the_closest_hyper_parameter_and_all_there_are(plugin):
    text = refusal(plugin(METHOD.format(name="Mine")), rnak=4)
    assert text.startswith("[methods.mine] rnak: Mine has no such hyper-parameter; did you mean 'rank'? It has ")
    assert {"rank", "learning_rate"} <= set(re.split(r"[ ,]+", text))


def test_an_override_like_no_other_is_answered_in_whole_sentences(plugin):
    assert "has no such hyper-parameter. It has " in refusal(plugin(METHOD.format(name="Mine")), zzz=4)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("rank", "4", "rank: should be a valid integer, got '4'"),
        ("rank", 4.0, "rank: should be a valid integer, got 4.0"),
        ("rank", True, "rank: should be a valid integer, got True"),
        ("learning_rate", "fast", "learning_rate: should be a valid number, got 'fast'"),
        ("learning_rate", True, "learning_rate: should be a valid number, got True"),
    ],
)
def test_an_override_of_another_type_is_refused(plugin, name, value, expected):
    assert refusal(plugin(METHOD.format(name="Mine")), **{name: value}) == f"[methods.mine] {expected}"


def test_overriding_one_load_leaves_the_next_as_written(plugin):
    mine = plugin(METHOD.format(name="Mine"))
    loader.load(mine, {"rank": 2})
    assert loader.load(mine, {}).rank == 8
