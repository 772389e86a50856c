"""A project that the gate is tried on: its one method, ``probe``, is whichever of the probes is put there."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from ...spec import suite_file
from ...spec.names import PACKAGE
from ...spec.record import Prediction, Record
from ...spec.suite import Suite
from ...store.results import Store
from ..against.side import Side
from ..verdict import FAILING, Outcome

PROBES = Path(__file__).parent / "probes"
PROBE = "probe"  # the method's name, whichever it is
CONFTEST = f'import sys\n\nsys.path.append({str(PROBES.parents[3])!r})\npytest_plugins = ["{PACKAGE}.pytest_plugin"]\n'


@dataclass(frozen=True)
class Said:
    """What the gate said of one metric in one item."""

    item: str
    metric: str
    outcome: Outcome
    message: str

    @property
    def fails(self) -> bool:
        """Whether it makes the gate red."""
        return self.outcome in FAILING


class ProbeProject:
    """A new project in ``folder``, with sessions of pytest whose results go to a folder beside it."""

    def __init__(self, folder: Path, suite: Suite, probe: str = "honest", device: str | None = None):
        self.folder = folder
        self.side = Side(folder.name, folder, folder.with_name(f"of_{folder.name}"), device)
        (folder / "methods").mkdir(parents=True)
        (folder / "conftest.py").write_text(CONFTEST, encoding="utf-8")
        (folder / "pytest.ini").write_text("[pytest]\nmethod_paths = methods\n", encoding="utf-8")
        self.put(probe)
        self.write(suite)

    def put(self, probe: str, method: str = PROBE) -> None:
        """Make that probe a method of the project."""
        shutil.copyfile(PROBES / f"{probe}.py", self.folder / "methods" / f"{method}.py")

    def write(self, suite: Suite) -> None:
        """Make that the project's suite."""
        self.suite = suite
        suite_file.write(self.folder / f"{suite.name}.toml", suite_file.tables(suite))

    def accept(self) -> str:
        """Make what the project gives now its baseline; what went wrong with that."""
        code, output = self.side.session(self._suite, "--update-baseline", "--even-in-ci")
        return self.side.failed(f"its session of pytest ended with code {code}", output) if code else ""

    def judge(self, *arguments: str) -> list[Said]:
        """Every verdict of a session with these arguments; an item that fails without one is ``invalid``."""
        report = self.side.scratch / "junit.xml"
        report.unlink(missing_ok=True)
        code, output = self.side.session(self._suite, f"--junitxml={report}", *arguments)
        if code not in (0, 1) or not report.exists():
            reason = self.side.failed(f"its session of pytest ended with code {code}", output)
            return [Said("", "", Outcome.INVALID, reason)]
        return [one for item in ElementTree.parse(report).iter("testcase") for one in _of_item(item)]

    def answered(self) -> tuple[Record, Sequence[Prediction]] | None:
        """The probe's last run and what it answered."""
        store = Store(self.side.scratch / "results", self.suite.name)
        records = [record for record in store.read_runs() if record.spec.method == PROBE]
        return (records[0], store.read_predictions(records[0].spec)) if records else None

    @property
    def _suite(self) -> str:
        return f"--suite={self.folder / self.suite.name}.toml"


def _of_item(item: ElementTree.Element) -> Sequence[Said]:
    name = item.get("name", "")
    properties = [(one.get("name", ""), one.get("value", "")) for one in item.iter("property")]
    found = [_said(name, key.removeprefix("gate_"), value) for key, value in properties if key.startswith("gate_")]
    failures = [one.text or "" for one in item.iter("failure")]
    return found or [Said(name, "", Outcome.INVALID, text) for text in failures]


def _said(item: str, metric: str, message: str) -> Said:
    """From a line such as ``probe chrf: regressed: −4.10 points (…)``; what is advisory never fails."""
    outcome = message.split(": ")[1]
    return Said(item, metric, Outcome.PASS if outcome.endswith("(advisory)") else Outcome(outcome), message)
