"""A project to test the gate on; its only method, ``probe``, is the probe that was put there last."""

import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ...spec import suite_file
from ...spec.names import PACKAGE
from ...spec.record import Prediction, Record
from ...spec.suite import Suite
from ...store.results import Store
from ..against.sessions import Sessions
from ..verdict import VERDICTS, Outcome, Verdict, from_json

PROBES = Path(__file__).parent / "probes"
PROBE = "probe"  # the method's name, whichever probe it is
INI = "[pytest]\nmethod_paths = methods\nmetric_paths = {}\n"
CONFTEST = f'import sys\n\nsys.path.append({str(PROBES.parents[3])!r})\npytest_plugins = ["{PACKAGE}.pytest_plugin"]\n'


class ProbeProject:
    """A new project in ``folder``; its pytest sessions write their results to a folder beside it.

    ``metrics`` are folders with the metrics of another project, which its suite may name.
    """

    def __init__(
        self,
        folder: Path,
        suite: Suite,
        probe: str = "honest",
        device: str | None = None,
        metrics: Sequence[Path] = (),
    ):
        self.folder = folder
        self.sessions = Sessions(folder.name, folder, folder.with_name(f"of_{folder.name}"), device)
        (folder / "methods").mkdir(parents=True)
        (folder / "conftest.py").write_text(CONFTEST, encoding="utf-8")
        (folder / "pytest.ini").write_text(INI.format(shlex.join(map(str, metrics))), encoding="utf-8")
        self.put(probe)
        self.write(suite)

    def put(self, probe: str, method: str = PROBE) -> None:
        """Make this probe a method of the project."""
        shutil.copyfile(PROBES / f"{probe}.py", self.folder / "methods" / f"{method}.py")

    def write(self, suite: Suite) -> None:
        """Make this the project's suite."""
        self.suite = suite
        suite_file.write(self.folder / f"{suite.name}.toml", suite_file.tables(suite))

    def accept(self) -> str | None:
        """Accept the project's results as its baseline; return what went wrong, or ``None``."""
        code, output = self.sessions.run(self._suite, "--update-baseline", "--even-in-ci")
        return self._ended(code, output) if code else None

    def judge(self, *arguments: str) -> list[Verdict]:
        """All verdicts of a session with these arguments; an item that fails without a verdict is ``invalid``."""
        report = self.sessions.scratch / "junit.xml"
        report.unlink(missing_ok=True)
        code, output = self.sessions.run(self._suite, f"--junitxml={report}", *arguments)
        if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or not report.exists():
            return [Verdict(PROBE, "", Outcome.INVALID, self._ended(code, output))]
        return [one for item in ElementTree.parse(report).iter("testcase") for one in _of_item(item)]

    def answered(self) -> tuple[Record, Sequence[Prediction]] | None:
        """The probe's last run and its predictions; ``None`` if there is no run."""
        store = Store(self.sessions.scratch / "results", self.suite.name)
        records = [record for record in store.read_runs() if record.spec.method == PROBE]
        return (records[0], store.read_predictions(records[0].spec)) if records else None

    def _ended(self, code: int, output: str) -> str:
        return self.sessions.failed(f"its pytest session ended with code {code}", output)

    @property
    def _suite(self) -> str:
        return f"--suite={self.folder / self.suite.name}.toml"


def _of_item(item: ElementTree.Element) -> list[Verdict]:
    stored = [one.get("value", "") for one in item.iter("property") if one.get("name") == VERDICTS]
    found = [one for each in stored for one in from_json(each)]
    failures = [one.text or "" for one in item.iter("failure")]
    return found or [Verdict(item.get("name", ""), "", Outcome.INVALID, text) for text in failures]
