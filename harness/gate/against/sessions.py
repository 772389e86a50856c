"""Sessions of ``pytest --benchmark`` in another folder, with that folder's own harness and methods."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...execute import processes
from ...spec import git

TAIL_LINES = 15  # lines of a session's output to show after a failure
LEFT_OUT = ("PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "PYTHONSAFEPATH")


@dataclass(frozen=True)
class Sessions:
    """The sessions of one folder, which write to the folder ``scratch``.

    ``path``, if given, replaces this process's ``PYTHONPATH``.
    """

    name: str
    folder: Path
    scratch: Path
    device: str | None = None
    path: str | None = None

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run a session and return its exit code and its output."""
        code = self.start(*arguments).wait()
        return code, self.output()

    def start(self, *arguments: str, pass_fds: Sequence[int] = ()) -> subprocess.Popen[bytes]:
        """Start a session, which inherits these file descriptors and ends with this process."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as file:
            return subprocess.Popen(
                [sys.executable, "-m", "pytest", *self._options(), *arguments],
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                preexec_fn=processes.die_with_starter,
                pass_fds=pass_fds,
            )

    def output(self) -> str:
        """The last session's output so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def failed(self, reason: str, output: str) -> str:
        """The message for a failed session, with the end of its output; the full output is kept in a file."""
        with tempfile.NamedTemporaryFile("w", prefix=f"tuneoff-{self.name}-", suffix=".log", delete=False) as kept:
            kept.write(output)
        tail = "\n".join(f"| {line}" for line in output.splitlines()[-TAIL_LINES:])
        return f"{self.name}: {reason}; its full output is in {kept.name}; its last lines:\n{tail}"

    @property
    def _log(self) -> Path:
        return self.scratch / "session.log"

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in git.environment().items() if name not in LEFT_OUT}
        return kept if self.path is None else {**kept, "PYTHONPATH": self.path}

    def _options(self) -> Iterator[str]:
        """The options of every session; ``-m pytest`` makes Python import the folder's own harness and methods."""
        yield from ("--benchmark", f"--rootdir={self.folder}", f"--results={self.scratch / 'results'}")
        yield from ("-o", f"cache_dir={self.scratch / 'cache'}")  # otherwise --lf would see these runs
        if self.device:
            yield f"--device={self.device}"
