"""Each phase has its own clock and its own peak; what is entered twice adds up, and the highest peak counts.

The kernel's files and the clock are played by files and a list, so that every number is known.
"""

import ctypes

import pytest
import torch

from harness.run import meters, processor
from harness.run.meters import Meters
from harness.spec.record import Phase


class Machine:
    """What the meters read: a clock, the resident peak and one thread's time without a processor."""

    def __init__(self, folder):
        self.now = 100.0
        self.clear_refs, self.status, self.tasks = folder / "clear_refs", folder / "status", folder / "task"
        self.clear_refs.write_text("")
        (self.tasks / "7").mkdir(parents=True)
        self.waited(0)

    def works(self, seconds=0.0, peak=0, waited=None):
        """A while passes, with this resident peak in kB and so many nanoseconds of waiting in all."""
        self.now += seconds
        self.status.write_text(f"VmPeak:\t  999999 kB\nVmHWM:\t  {peak} kB\nVmRSS:\t  1 kB\n")
        if waited is not None:
            self.waited(waited)

    def waited(self, nanoseconds):
        (self.tasks / "7" / "schedstat").write_text(f"5 {nanoseconds} 1\n")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    found = Machine(tmp_path)
    monkeypatch.setattr(meters, "CLEAR_REFS", found.clear_refs)
    monkeypatch.setattr(meters, "STATUS", found.status)
    monkeypatch.setattr(processor, "TASKS", found.tasks)
    monkeypatch.setattr(meters, "perf_counter", lambda: found.now)
    return found


def test_a_phase_has_its_seconds_its_waiting_and_its_peak(machine):
    found = Meters()
    machine.waited(1_000_000_000)
    with found.phase("train"):
        machine.works(seconds=2.5, peak=3, waited=1_250_000_000)
    assert found.phases == {"train": Phase(seconds=2.5, waited_seconds=0.25, peak_rss_bytes=3 * 1024)}


def test_what_passes_between_phases_is_nobodys(machine):
    found = Meters()
    with found.phase("train"):
        machine.works(seconds=1.0)
    machine.works(seconds=50.0)
    with found.phase("generate"):
        machine.works(seconds=2.0)
    assert {name: phase.seconds for name, phase in found.phases.items()} == {"train": 1.0, "generate": 2.0}


@pytest.mark.parametrize("peaks", [(3, 5), (5, 3)])
def test_a_phase_that_is_entered_twice_adds_up_and_keeps_its_highest_peak(machine, peaks):
    found = Meters()
    for seconds, waited, peak in zip((1.0, 4.0), (500_000_000, 700_000_000), peaks, strict=True):
        with found.phase("generate"):
            machine.works(seconds, peak, waited)
    assert found.phases == {"generate": Phase(seconds=5.0, waited_seconds=0.7, peak_rss_bytes=5 * 1024)}


def test_every_phase_begins_with_a_new_high_water_mark(machine):
    found = Meters()
    for name in ("build", "train"):
        machine.clear_refs.write_text("")
        with found.phase(name):
            assert machine.clear_refs.read_text() == "5"
            machine.works()


def test_a_system_that_cannot_reset_the_mark_has_no_peak_of_a_phase(machine, monkeypatch, tmp_path):
    monkeypatch.setattr(meters, "CLEAR_REFS", tmp_path / "no such folder" / "clear_refs")
    found = Meters()
    with found.phase("train"):
        machine.works(seconds=1.0, peak=3)
    assert found.phases["train"].peak_rss_bytes is None


def test_a_peak_that_one_of_two_times_could_not_be_taken_is_that_of_the_other(machine):
    found = Meters()
    for peak in (4, None, 2):
        with found.phase("train"):
            machine.works(peak=peak or 0)
            if peak is None:
                machine.status.write_text("")
    assert found.phases["train"].peak_rss_bytes == 4 * 1024


def test_a_system_that_does_not_tell_of_waiting_leaves_it_open(machine, tmp_path, monkeypatch):
    monkeypatch.setattr(processor, "TASKS", tmp_path / "none")
    found = Meters()
    with found.phase("train"):
        machine.works(seconds=1.0)
    assert found.phases["train"].waited_seconds is None


def test_a_phase_that_raises_is_kept(machine):
    def breaks():
        machine.works(seconds=3.0, peak=7)
        raise RuntimeError("broken")

    found = Meters()
    with pytest.raises(RuntimeError, match="broken"), found.phase("train"):
        breaks()
    assert found.phases["train"] == Phase(seconds=3.0, waited_seconds=0.0, peak_rss_bytes=7 * 1024)


def test_the_peak_of_a_run_is_the_highest_of_the_methods_own_phases(machine):
    found = Meters()
    for name, peak in (("load", 10), ("prepare", 20), ("build", 30), ("train", 60), ("generate", 50)):
        with found.phase(name):
            machine.works(peak=peak)
    with found.phase("reload"):
        machine.works(peak=900)  # the harness' own check
    assert found.peak("peak_rss_bytes") == 60 * 1024
    assert found.peak("peak_gpu_bytes") is None


@pytest.mark.parametrize("name", ["load", "prepare", "build", "train", "generate"])
def test_each_of_the_methods_phases_can_be_the_hungriest(name):
    found = Meters()
    found.phases = {"check": Phase(seconds=1.0, peak_gpu_bytes=9), name: Phase(seconds=1.0, peak_gpu_bytes=5)}
    assert found.peak("peak_gpu_bytes") == 5


def test_a_run_without_phases_has_no_peak():
    assert Meters().peak("peak_rss_bytes") is None


def test_free_memory_is_given_back_within_the_phase_that_freed_it(machine, monkeypatch):
    class System:
        def malloc_trim(self, pad):
            machine.now += 0.5

    monkeypatch.setattr(ctypes, "CDLL", lambda _: System())
    found = Meters()
    with found.phase("train"):
        machine.works(seconds=1.0)
    assert found.phases["train"].seconds == 1.5


def test_a_system_without_that_allocator_is_measured_all_the_same(machine, monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    found = Meters()
    with found.phase("train"):
        machine.works(seconds=1.0)
    assert found.phases["train"].seconds == 1.0


def test_a_device_is_waited_for_before_every_look_at_the_clock_and_has_peaks_of_its_own(machine, monkeypatch):
    events, peaks = [], iter([(70, 90), (60, 95)])

    def clock():
        events.append("clock")
        return machine.now

    def allocated(device):
        found.latest = next(peaks)
        return found.latest[0]

    monkeypatch.setattr(meters, "perf_counter", clock)
    monkeypatch.setattr(torch.accelerator, "synchronize", lambda _: events.append("wait"))
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda _: events.append("reset"))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", allocated)
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda _: found.latest[1])
    found = Meters(torch.device("cuda"))
    for _ in range(2):
        with found.phase("train"):
            machine.works()
    assert events == 2 * ["reset", "wait", "clock", "wait", "clock"]
    assert (found.phases["train"].peak_gpu_bytes, found.phases["train"].peak_gpu_reserved_bytes) == (70, 95)


def test_the_real_resident_peak_of_this_process_is_in_bytes():
    found = Meters()
    with found.phase("train"):
        pass
    peak = found.phases["train"].peak_rss_bytes
    assert peak is None or peak > 10_000_000
