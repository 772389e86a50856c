"""A hub on this machine: folders served as repositories by the part of the hub's file API that downloads use."""

import hashlib
import json
import re
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

API = re.compile(
    r"/api/(?P<repository>(?:models|datasets)/[^/]+/[^/]+)(?:/(?P<view>revision|tree)/(?P<revision>[^/]+))?"
)
RESOLVE = re.compile(r"/(?P<repository>(?:datasets/)?[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")


class Hub:
    """Serves ``{"models/owner/name": folder}``, at the ``commits`` that are named; ``faults``, by repository, break it.

    ``limited`` and ``down`` answer 429 and 503, ``forbidden`` and ``gated`` 403, ``strange`` as another site would,
    ``silent`` not at all. ``cut`` closes the connection in the middle of
    a file. ``short`` sends files that lack their end, as if that were all.
    """

    def __init__(self, repositories: Mapping[str, Path], commits: Mapping[str, str] | None = None) -> None:
        self.repositories = dict(repositories)
        self._commits = dict(commits or {})
        self.faults: dict[str, str] = {}
        self.requests: list[tuple[str, str]] = []
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        """What ``HF_ENDPOINT`` has to be; it stays the same when the server starts again."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Answer again."""
        self._server = Server(self, self.port)
        self.port = self._server.server_port
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Refuse every connection from now on."""
        self._server.shutdown()
        self._server.server_close()

    def commit(self, repository: str) -> str:
        """The commit that all branches of a repository are at: one that was named, or one made from the content."""
        if repository in self._commits:
            return self._commits[repository]
        files = {name: sha(path.read_bytes()) for name, path in self.files(repository).items()}
        return hashlib.sha1(json.dumps(files).encode()).hexdigest()

    def files(self, repository: str) -> dict[str, Path]:
        """The files of a repository by name."""
        folder = self.repositories[repository]
        return {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}


class Server(ThreadingHTTPServer):
    """The server of a hub, which its handlers ask."""

    def __init__(self, hub: Hub, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.hub = hub


class Handler(BaseHTTPRequestHandler):
    """One request; HTTP/1.0, so that no connection outlives its answer."""

    server: Server
    fault: str | None = None

    def do_GET(self) -> None:
        """Answer a request; the body only if it is asked for."""
        hub, path = self.server.hub, unquote(urlsplit(self.path).path)
        hub.requests.append((self.command, path))
        found = API.fullmatch(path) or RESOLVE.fullmatch(path)
        repository = found["repository"] if found else ""
        if not repository.startswith(("models/", "datasets/")):
            repository = f"models/{repository}"
        self.fault = hub.faults.get(repository)
        if self.fault == "silent":
            self.rfile.read(1)  # until the client hangs up
        elif self.fault == "limited":
            self._refuse(429, "", **{"Retry-After": "300"})
        elif self.fault == "down":
            self._refuse(503, "")
        elif self.fault == "forbidden":
            self._refuse(403, "")
        elif self.fault == "gated":
            self._refuse(403, "GatedRepo")
        elif self.fault == "strange":
            self._answer(200, b"<html>Log in first</html>", {"Content-Type": "text/html"})
        elif found is None or repository not in hub.repositories:
            self._refuse(401, "RepoNotFound")
        elif found["revision"] not in (None, "main", hub.commit(repository)):
            self._refuse(404, "RevisionNotFound")
        elif found.re is API:
            self._describe(hub.files(repository), hub.commit(repository), found["view"] == "tree")
        else:
            self._file(hub.files(repository).get(found["file"]), hub.commit(repository))

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """The requests are kept in ``Hub.requests``; the test's output is not theirs."""

    def _describe(self, files: Mapping[str, Path], commit: str, tree: bool) -> None:
        listed = [
            {"type": "file", "path": name, "size": path.stat().st_size, "oid": sha(path.read_bytes())}
            for name, path in files.items()
        ]
        body: Any = listed if tree else {"id": "owner/name", "sha": commit, "siblings": []}
        self._answer(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _file(self, path: Path | None, commit: str) -> None:
        if path is None:
            self._refuse(404, "EntryNotFound", **{"X-Repo-Commit": commit})
        else:
            content = path.read_bytes()
            headers = {"X-Repo-Commit": commit, "ETag": f'"{sha(content)}"'}
            self._answer(200, content[:-100] if self.fault == "short" else content, headers)

    def _refuse(self, status: int, code: str, **headers: str) -> None:
        self._answer(status, b"", {"X-Error-Code": code, **headers})

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(body[: len(body) // 2] if self.fault == "cut" and "ETag" in headers else body)


def sha(content: bytes) -> str:
    """What git, and so the hub, calls a file of that content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
