"""A container may use less than its machine has, and that counts."""

import os

import psutil
import pytest

from harness.execute import machine

GIB = 2**30


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """``groups(own, **files)``: this process's control groups, and what the system says about them."""

    def say(own, files):
        (tmp_path / "own").write_text(own)
        for name, text in files.items():
            path = tmp_path / "groups" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    monkeypatch.setattr(machine, "GROUPS", tmp_path / "groups")
    monkeypatch.setattr(machine, "OWN", tmp_path / "own")
    return say


@pytest.fixture
def host(monkeypatch):
    """A machine with 64 processors and 100 GiB of memory that are free."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(64), raising=False)
    free = psutil.virtual_memory()._replace(available=100 * GIB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)


@pytest.mark.parametrize(
    ("quota", "cores"), [("100000 100000", 1), ("250000 100000", 2), ("50000 100000", 1), ("max 100000", 64)]
)
def test_a_container_with_a_quota_has_that_many_processors_and_at_least_one(host, groups, quota, cores):
    groups("0::/\n", {"cpu.max": f"{quota}\n"})
    assert machine.cores() == cores


def test_the_smallest_quota_of_the_groups_around_a_process_counts(host, groups):
    groups("0::/job/step\n", {"job/cpu.max": "400000 100000", "job/step/cpu.max": "max 100000"})
    assert machine.cores() == 4


def test_quotas_and_limits_of_the_first_version_of_control_groups_count_too(host, groups):
    files = {"cpu/a/cpu.cfs_quota_us": "300000", "cpu/a/cpu.cfs_period_us": "100000"}
    files |= {"memory/a/memory.limit_in_bytes": f"{8 * GIB}", "memory/a/memory.usage_in_bytes": f"{5 * GIB}"}
    files["memory/a/memory.stat"] = f"cache {2 * GIB}\ntotal_inactive_file {GIB}\n"
    groups("4:memory:/a\n2:cpu,cpuacct:/a\n0::/\n", files)
    assert (machine.cores(), machine.memory()) == (3, 4 * GIB)


def test_a_quota_of_minus_one_is_none(host, groups):
    groups("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"})
    assert machine.cores() == 64


def test_the_room_in_a_container_is_its_limit_less_what_it_uses_without_cached_files(host, groups):
    files = {"memory.max": f"{8 * GIB}\n", "memory.current": f"{6 * GIB}\n"}
    groups("0::/\n", files | {"memory.stat": f"anon {GIB}\ninactive_file {2 * GIB}\n"})
    assert machine.memory() == 4 * GIB


def test_without_limits_the_machines_own_figures_count(host, groups):
    groups("0::/\n", {"memory.max": "max\n", "memory.current": "5\n"})
    assert (machine.cores(), machine.memory()) == (64, 100 * GIB)


def test_a_system_without_affinity_or_control_groups_has_all_its_processors(groups, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 10)
    assert machine.cores() == 10
