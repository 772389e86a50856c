"""The session of ``--against``: the methods of a folder as it is, beside those of a git revision of it."""

import tomllib
from collections.abc import Iterable
from functools import cached_property
from itertools import chain
from pathlib import Path

from ..gate.against.comparison import Comparison
from ..gate.against.revision import Revision
from ..gate.against.side import Side
from ..gate.verdict import Outcome, Summary, Verdict, remarks, summary
from ..spec.suite import Suite, named


class Against:
    """The methods of a suite in a folder as it is, head, beside those of a git revision of it, base.

    ``folders`` are those of the project's own methods.
    """

    def __init__(
        self, suite: Suite, path: Path, root: Path, revision: str, folders: Iterable[Path], device: str | None = None
    ):
        self.revision = Revision(root, revision)
        self._suite = suite
        self._root = root
        self._device = device
        then = [*_methods(self.revision.text(path)), *(self._own(folders) if suite.run.new_methods else ())]
        self._gone = [name for name in dict.fromkeys(then) if name not in suite.run.methods]
        self._found: dict[str, list[Verdict]] = {}
        self._asked: list[str] = []

    @property
    def methods(self) -> list[str]:
        """Those of the suite, and those that it had in base."""
        return [*self._suite.run.methods, *self._gone]

    @property
    def judged(self) -> bool:
        """Whether there are verdicts to sum up."""
        return bool(self._found)

    @property
    def remarks(self) -> list[str]:
        """What is neither a failure nor a plain ``pass``."""
        return remarks(self._verdicts)

    @property
    def summary(self) -> Summary:
        """All verdicts of this session, and the methods that were left out."""
        return summary(self._verdicts, [name for name in self.methods if name not in self._asked])

    def ask(self, methods: Iterable[str]) -> None:
        """Tell which methods will be compared."""
        self._asked = list(methods)

    def start(self) -> None:
        """Check base out."""
        self.revision.open()

    def verdicts(self, method: str) -> list[Verdict]:
        """What is to be said about one method, metric by metric."""
        if method in self._gone:
            detail = f"the suite of {self.revision.name} has it, this one does not; was it renamed?"
            self._found[method] = [Verdict(method, "", Outcome.MISSING, detail)]
        else:
            self._found[method] = self._comparison.verdicts(method)
        return self._found[method]

    def close(self) -> None:
        """Remove what was checked out, and what the runs wrote."""
        self.revision.close()

    def _own(self, folders: Iterable[Path]) -> list[str]:
        """The project's own methods that base had, which a suite that takes new ones ran without naming them."""
        files = [Path(name) for folder in folders for name in self.revision.files(folder)]
        found = [file.stem for file in files if file.suffix == ".py" and not file.stem.startswith("_")]
        return [name for name in found if name not in named()]

    @property
    def _verdicts(self) -> list[Verdict]:
        return list(chain.from_iterable(self._found.values()))

    @cached_property
    def _comparison(self) -> Comparison:
        scratch = self.revision.scratch
        base = Side("base", self.revision.folder, scratch / "of_base", self._device, self.revision.path())
        return Comparison(self._suite, base, Side("head", self._root, scratch / "of_head", self._device))


def _methods(text: str | None) -> list[str]:
    """The methods that a suite's file names; none where there is no such file, or none that can be read."""
    try:
        named = tomllib.loads(text or "").get("run", {}).get("methods", [])
    except (tomllib.TOMLDecodeError, AttributeError):
        return []
    return [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
