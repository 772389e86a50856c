"""Downloads from the hub: returns a folder with the files of one commit, or says why it cannot and what to do.

Files are first downloaded in full into ``huggingface_hub``'s cache, and then read as a local folder. So all errors of
the network occur here, a cache that ``hf download`` has filled is enough, and what is read is always of the requested
commit.
"""

import errno
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from json import JSONDecodeError
from pathlib import Path
from typing import Literal

from huggingface_hub import constants, get_cached_repo_tree, set_client_factory, snapshot_download
from huggingface_hub.errors import (
    CachedRepoTreeNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import hf_raise_for_status, httpx, validate_repo_id
from huggingface_hub.utils._http import default_client_factory  # which set_client_factory() replaces

from ..spec.paths import expanded

Kind = Literal["model", "dataset"]

OPTIONS = {"model": "--model=DIR", "dataset": "--data=DIR"}
FILE_SUFFIXES = (
    *(".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".arrow", ".gz", ".bz2", ".xz", ".zst"),
    *(".safetensors", ".bin", ".pt", ".gguf"),
)


class Unavailable(Exception):
    """A file or repository is not available; the message says why and, in a second sentence, what to do."""


class Damaged(Exception):
    """Files in the cache are shorter or longer than the hub's."""


def local(name: str) -> Path | None:
    """The file or folder of that name; ``None`` for a name that may be a hub id.

    Raises ``Unavailable`` for a name that can only be a path and does not exist.
    """
    path = expanded(name)
    if path.exists():
        return path
    with suppress(HFValidationError):
        validate_repo_id(name)
        if path.suffix.lower() not in FILE_SUFFIXES:
            return None
    raise Unavailable("no such file or folder")


@cache
def fetch(kind: Kind, name: str, revision: str | None, patterns: tuple[str, ...]) -> Path:
    """The folder with all files of a repository that match ``patterns``; its name is their commit.

    A process contacts the hub once for each repository. If the hub is not available, a complete copy in the cache is
    used: of the requested commit, or else of the last known commit of its branch.
    Raises ``Unavailable``: at once if the hub cannot be reached or refuses, and within a minute or two if it stops
    responding during a download. ``huggingface_hub`` tries again; ``HF_HUB_ETAG_TIMEOUT`` and
    ``HF_HUB_DOWNLOAD_TIMEOUT`` (10 seconds) limit each step. Incomplete files are not kept.
    """
    set_client_factory(_client)
    try:
        folder = Path(snapshot_download(name, repo_type=kind, revision=revision, allow_patterns=list(patterns)))
        _verify(kind, name, folder)
    except Exception as error:  # whatever the hub's client, its network and the disk raise
        why = _explain(kind, name, revision, error)
        raise Unavailable(f"neither a local path nor available from the hub: {why}") from error
    return folder


def files(kind: Kind, name: str, folder: Path) -> list[str]:
    """The files of the commit that ``fetch`` returned as this folder, downloaded or not."""
    return sorted({*_listed(kind, name, folder), *(path.name for path in folder.glob("*"))})


def _client() -> httpx.Client:
    """The hub's own client, but with a limit for every read, and without silently waiting for minutes after a 429."""
    client = default_client_factory()
    client.event_hooks["request"].append(_limit)
    client.event_hooks["response"].append(_refuse)
    return client


def _limit(request: httpx.Request) -> None:
    if request.extensions["timeout"]["read"] is None:
        limit = httpx.Timeout(constants.HF_HUB_ETAG_TIMEOUT)
        request.extensions = {**request.extensions, "timeout": limit.as_dict()}


def _refuse(response: httpx.Response) -> None:
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        hf_raise_for_status(response)


def _verify(kind: Kind, name: str, folder: Path) -> None:
    """Delete files whose size differs from the one that the hub lists, and raise ``Damaged``."""
    sizes = {path: size for path, size in _listed(kind, name, folder).items() if (folder / path).exists()}
    damaged = {path: size for path, size in sizes.items() if (folder / path).stat().st_size != size}
    problems = [f"{path} has {(folder / path).stat().st_size} of {size} bytes" for path, size in damaged.items()]
    for path in damaged:
        with suppress(OSError):  # a read-only cache
            (folder / path).resolve().unlink()
            (folder / path).unlink(missing_ok=True)
    if problems:
        raise Damaged(", ".join(problems[:3]))


def _listed(kind: Kind, name: str, folder: Path) -> dict[str, int]:
    """The sizes of a commit's files by name, as the hub lists them; none if that is not in the cache."""
    try:
        listed = get_cached_repo_tree(name, repo_type=kind, revision=folder.name)
    except CachedRepoTreeNotFoundError:  # another program filled the cache, and the hub cannot be reached
        return {}
    return {file.path: file.size for file in listed}


def _explain(kind: Kind, name: str, revision: str | None, error: Exception) -> str:
    """The cause and the remedy of a failed download, one sentence each."""
    chain = list(_chain(error))
    meanings = (_of_answer(kind, revision, each) or _of_silence(revision, each) for each in chain)
    unknown = " ".join(str(error).split())[:300].rstrip("."), "Try again"
    cause, first = next(filter(None, meanings), unknown)
    others = ["--suite=embedded", OPTIONS[kind]]
    if not any(isinstance(each, RepositoryNotFoundError | RevisionNotFoundError) for each in chain):
        options = [f" --repo-type {kind}"] * (kind == "dataset") + [f" --revision {revision}"] * (revision is not None)
        others.append(f"HF_HUB_OFFLINE=1 with a cache filled by `hf download {name}{''.join(options)}`")
    return f"{cause}. {first}; without the hub: {', or '.join(others)}."


def _of_answer(kind: Kind, revision: str | None, error: BaseException) -> tuple[str, str] | None:
    """What a response of the hub means, and what to do."""
    match error:
        case RevisionNotFoundError():
            return f"it has no revision {revision!r}", "Name a branch, tag or commit that it has, or leave it out"
        case GatedRepoError():
            return "access to it is restricted", "Request access on its page and set HF_TOKEN"
        case RepositoryNotFoundError():
            return f"there is no such {kind}, or it is private", "Correct the name, or set HF_TOKEN if it is private"
        case HfHubHTTPError(response=httpx.Response(status_code=401 | 403)):
            return "the hub refuses access", "Check HF_TOKEN"
        case HfHubHTTPError(response=httpx.Response(status_code=429)):
            return "too many requests for now (429)", "Wait a few minutes, or set HF_TOKEN, which allows more of them"
        case HfHubHTTPError(response=httpx.Response(status_code=status)) if status >= 500:
            return f"the hub has an internal error ({status})", "Try again later"
        case JSONDecodeError():
            return f"{constants.ENDPOINT} does not answer like the hub", "Check HF_ENDPOINT and the network"
    return None


def _of_silence(revision: str | None, error: BaseException) -> tuple[str, str] | None:
    """What a missing or incomplete response means, and what to do."""
    reason = " ".join(str(error).split())[:300]
    match error:
        case OfflineModeIsEnabled():
            copy = f"complete copy of its revision {revision!r}" if revision else "complete copy of it"
            return f"HF_HUB_OFFLINE=1 is set and the cache has no {copy}", "Unset HF_HUB_OFFLINE"
        case httpx.TimeoutException():
            return f"{constants.ENDPOINT} does not answer in time", "Try again later"
        case httpx.ReadError() | httpx.RemoteProtocolError():
            return f"the download was interrupted ({reason})", "Try again"
        case httpx.TransportError():
            return f"{constants.ENDPOINT} cannot be reached ({reason})", "Check the network and HF_ENDPOINT"
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            return f"the disk with the cache {constants.HF_HUB_CACHE} is full", "Free some space, or set HF_HOME"
        case OSError(errno=errno.EACCES | errno.EPERM | errno.EROFS | errno.ENOTDIR):
            where = f"the cache {constants.HF_HUB_CACHE} cannot be written to"
            return f"{where} ({reason})", "Set HF_HOME to a writable folder"
        case Damaged():
            return f"the copy in the cache was damaged and has been deleted: {reason}", "Try again"
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and the errors that it was raised from, the last one first."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
