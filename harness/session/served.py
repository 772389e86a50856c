"""A session that executes the runs that another session requests: one side of a comparison."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from socket import socket
from typing import TextIO

from ..gate.against.side import Answer, Ready
from ..spec.errors import PluginError, UsageError
from ..spec.plan import Request
from ..spec.record import RunSpec
from . import judge
from .bakeoff import Bakeoff, Selection, begin


def serve(request: Request, descriptor: int) -> None:
    """Send ``Ready`` over the socket of this file descriptor, then answer each method's name with a run.

    The runs use the request's first seed. Returns when the other session closes its end.
    """
    with socket(fileno=descriptor) as connection, connection.makefile("rw", encoding="utf-8") as stream:
        try:
            bakeoff = begin(replace(request, runs=[request.zero_shot]), Selection())
        except UsageError as error:
            _say(stream, Ready(problem=str(error)))
            return
        with closing(bakeoff):
            _say(stream, Ready(hyperparameters=_misfits(bakeoff, request)))
            first = {run.method: run for run in reversed(request.runs)}
            for method in _lines(stream):
                _say(stream, _answer(bakeoff, first.get(method)))


def _answer(bakeoff: Bakeoff, run: RunSpec | None) -> Answer:
    if run is None:
        return Answer()
    record = bakeoff.repeat(run)
    log = bakeoff.store.log(record.spec)
    output = log.read_text(encoding="utf-8", errors="replace") if log.exists() else judge.described(record)
    return Answer(record=record.to_json(), output=output)


def _misfits(bakeoff: Bakeoff, request: Request) -> str | None:
    """What is wrong with the methods' hyper-parameters; ``None`` if nothing is."""
    try:
        bakeoff.examine(request)
    except PluginError as error:
        return str(error)
    return None


def _say(stream: TextIO, message: Ready | Answer) -> None:
    stream.write(f"{message.model_dump_json()}\n")
    stream.flush()


def _lines(stream: TextIO) -> Iterator[str]:
    while line := stream.readline():
        yield line.rstrip("\n")
