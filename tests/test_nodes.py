"""Which nodes of a Ray cluster a run may use, by what Ray says about them."""

import platform
from importlib.metadata import version

import pytest

from harness.execute import executors
from harness.spec.record import Environment

if not executors.has_ray():
    pytest.skip("needs pip install 'tuneoff[ray]'", allow_module_level=True)

import ray

from harness.execute.cluster import node, nodes, parcels

GB = 10**9
HERE = Environment(
    device="cpu",
    device_name="AMD EPYC",
    threads=1,
    python=platform.python_version(),
    platform="Linux-x86_64",
    packages={"numpy": version("numpy")},
)


NEEDS = {"num_cpus": 1, "num_gpus": 0}


@pytest.fixture
def of_sizes(monkeypatch):
    """``of_sizes(aa=8)``: there are nodes with these names and so many GB of memory, and four processors each."""

    def set_nodes(**sizes):
        found = [
            {"NodeID": name, "Alive": True, "Resources": {"CPU": 4.0, "memory": float(size * GB)}}
            for name, size in sizes.items()
        ]
        monkeypatch.setattr(ray, "nodes", lambda: found)

    return set_nodes


@pytest.fixture
def cluster(of_sizes):
    of_sizes(aa=8, bb=16)


@pytest.mark.parametrize(("needed", "asked"), [(3 * GB, 3 * GB), (40 * GB, 16 * GB)])
def test_runs_are_kept_within_the_memory_of_a_node_or_have_one_to_themselves(needed, asked, cluster):
    assert nodes.options(NEEDS, needed) == {**NEEDS, "memory": asked}


@pytest.mark.parametrize("needed", [10.05, 12.5])
def test_a_run_that_fills_a_node_may_be_on_any_of_nearly_equal_ones(needed, of_sizes):
    of_sizes(aa=10.1, bb=10, cc=10.2, dd=2)
    assert nodes.options(NEEDS, int(needed * GB)) == {**NEEDS, "memory": 10 * GB}


def test_memory_that_is_not_known_is_not_asked_for(cluster):
    assert nodes.options(NEEDS) == NEEDS


def test_a_node_that_could_not_execute_a_run_gets_no_others_while_there_is_another(cluster):
    elsewhere = {"label_selector": {"ray.io/node-id": "!in(bb)"}}
    assert nodes.options(NEEDS, 40 * GB, {"bb"}) == {**NEEDS, "memory": 8 * GB, **elsewhere}
    assert nodes.options(NEEDS, 0, {"aa", "bb"}) == NEEDS


@pytest.mark.parametrize(
    ("lost", "left"),
    [({"aa": 8}, {"bb": 16}), ({"bb": 16}, {"aa": 8}), ({"aa": 16}, {"bb": 16, "cc": 8})],
)
def test_a_run_that_no_node_can_execute_any_more_is_begun_again_for_those_that_are_left(lost, left, of_sizes):
    of_sizes(**lost, **left)
    asked = nodes.options(NEEDS, 40 * GB, set(left))
    of_sizes(**left)
    assert not nodes.possible(asked)
    assert nodes.possible(nodes.options(NEEDS, 40 * GB, set(left)))


@pytest.mark.parametrize(
    ("own", "sources", "said"),
    [
        ({}, node.sources(), None),
        ({"device_name": "Intel Xeon"}, node.sources(), None),
        ({"python": "3.8.1"}, node.sources(), f"python 3.8.1 → {HERE.python}"),
        ({"packages": {"numpy": "0.9"}}, node.sources(), f"numpy 0.9 → {HERE.packages['numpy']}"),
        ({}, "other", "Tuneoff's files"),
    ],
)
def test_a_node_differs_by_its_versions_not_by_its_hardware(own, sources, said):
    expected = said and f"differs from the session's machine: {said}"
    assert node.unlike(HERE.model_copy(update=own), sources) == expected


def test_folders_of_equal_files_and_other_names_are_other_parcels(tmp_path, monkeypatch):
    monkeypatch.setattr(ray, "put", bytes)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
    assert parcels.pack(tmp_path / "one").hash != parcels.pack(tmp_path / "two").hash


def test_a_folder_has_space_if_a_file_can_be_written_into_it(tmp_path):
    assert node.has_space(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert not node.has_space(tmp_path / "none")
