"""The session of ``--against``: a suite's methods compared with those of a git revision of the project."""

import tomllib
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from ..gate.against.comparison import Comparison
from ..gate.against.revision import Checkout, Revision
from ..gate.against.sessions import Sessions
from ..gate.against.side import Side
from ..gate.verdict import Outcome, Summary, Verdict, remarks, summary
from ..spec import suite_file
from ..spec.errors import UsageError
from ..spec.paths import expanded
from ..spec.plan import Request
from ..spec.suite import Suite, named
from ..spec.task_table import PYTHON
from . import checks


@dataclass(frozen=True)
class Versions:
    """A project's folder as it is (head) and a revision of it (base); ``gone`` are methods that only base has."""

    request: Request
    folder: Path
    revision: Revision
    gone: Sequence[str]

    @property
    def suite(self) -> Suite:
        """Head's suite."""
        return self.request.suite

    @property
    def methods(self) -> list[str]:
        """The methods of the suite in head, then those that only base has."""
        return [*self.suite.run.methods, *self.gone]


def versions(request: Request, file: Path, folder: Path, revision: str, method_folders: Iterable[Path]) -> Versions:
    """The two versions to compare.

    ``file`` is the suite's file, and ``method_folders`` contain the project's own methods. Raises
    ``RevisionError`` if git cannot provide the revision.
    """
    base, suite = Revision(folder, revision), request.suite
    then = [*_methods(base.text(file)), *(_own(base, method_folders) if suite.run.new_methods else ())]
    gone = [name for name in dict.fromkeys(then) if name not in suite.run.methods]
    return Versions(request, folder, base, gone)


def begin(compared: Versions, asked: Sequence[str]) -> "Against":
    """Check the suite, check out base, and start one session per side, with the selected methods.

    Raises the ``UsageError`` that the methods, the model or the data of head would cause.
    """
    checks.paths(compared.suite)
    checks.data(compared.request)
    with ExitStack() as undone:
        base = undone.enter_context(closing(compared.revision.check_out()))
        device, methods = compared.request.device, [name for name in asked if name not in compared.gone]
        then = Sessions("base", base.folder, base.scratch / "of_base", device, base.path())
        now = Sessions("head", compared.folder, base.scratch / "of_head", device)
        sides = ((now, compared.suite), (then, _with_own_task(compared.suite, base)))
        head, before = (undone.enter_context(closing(Side(*side, *methods))) for side in sides)
        if head.ready is None:
            raise UsageError(now.failed("its pytest session ended before the first run", now.output()))
        if problem := head.ready.problem or head.ready.hyperparameters:
            raise UsageError(problem)
        return Against(compared, Comparison(compared.suite, before, head), asked, undone.pop_all())


class Against:
    """The verdicts on the selected methods, ``asked``; ``close`` ends the sessions and removes their files."""

    def __init__(self, compared: Versions, comparison: Comparison, asked: Sequence[str], opened: ExitStack):
        self.close = opened.close
        self._compared = compared
        self._comparison = comparison
        self._asked = asked
        self._found: dict[str, list[Verdict]] = {}

    @property
    def judged(self) -> bool:
        """Whether there are verdicts to summarise."""
        return bool(self._found)

    @property
    def remarks(self) -> list[str]:
        """Lines on verdicts that neither fail nor pass."""
        return remarks(self._verdicts)

    @property
    def summary(self) -> Summary:
        """The summary of all verdicts of this session, with the methods that were left out."""
        return summary(self._verdicts, [name for name in self._compared.methods if name not in self._asked])

    def verdicts(self, method: str) -> list[Verdict]:
        """The verdicts on one method, metric by metric."""
        if method in self._compared.gone:
            detail = f"in the suite of {self._compared.revision.name}, but not in this one; was it renamed?"
            self._found[method] = [Verdict(method, "", Outcome.MISSING, detail)]
        else:
            self._found[method] = self._comparison.verdicts(method)
        return self._found[method]

    @property
    def _verdicts(self) -> list[Verdict]:
        return list(chain.from_iterable(self._found.values()))


def _with_own_task(suite: Suite, base: Checkout) -> Suite:
    """Head's suite for base: a task in Python is code, and so each side's own if base has the file."""
    path = expanded(suite.task.name)
    place = base.place(path) if path.suffix == PYTHON else None
    return suite if place is None else suite_file.with_task(suite, place)


def _own(base: Revision, method_folders: Iterable[Path]) -> list[str]:
    """The project's own methods in base, which a suite with ``new_methods`` ran without naming them."""
    files = [Path(name) for folder in method_folders for name in base.files(folder)]
    found = [file.stem for file in files if file.suffix == ".py" and not file.stem.startswith("_")]
    built_in = named()
    return [name for name in found if name not in built_in]


def _methods(text: str | None) -> list[str]:
    """The methods that a suite's file names; none if the file is missing or cannot be read."""
    try:
        named = tomllib.loads(text or "").get("run", {}).get("methods", [])
    except (tomllib.TOMLDecodeError, AttributeError):
        return []
    return [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
