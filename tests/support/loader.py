"""A process that loads models and data as it is told, a line of JSON each, and says what it got.

``HF_ENDPOINT`` and the like are read when huggingface_hub is imported, which takes seconds: so it is done once,
and every request is answered as a new process would answer it.
"""

import json
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from time import perf_counter
from typing import Any

import torch

from harness.models import base_model, hub
from harness.spec.errors import UsageError
from harness.spec.suite import ModelTable, TaskTable
from harness.tasks import data


def load(request: dict[str, Any]) -> dict[str, Any]:
    """What came of a request: the commit and some of the content, or the error; and the seconds it took."""
    hub.fetch.cache_clear()
    began = perf_counter()
    try:
        answer = {"model": _model, "data": _data}[request["what"]](request["name"], request["revision"])
    except UsageError as error:
        answer = {"error": str(error)}
    return {**answer, "seconds": perf_counter() - began}


def _model(name: str, revision: str | None) -> dict[str, Any]:
    table = ModelTable(name=name, revision=revision)
    base = base_model.load(table, torch.device("cpu"))
    weights = base.model.state_dict()["lm_head.weight"].sum(1).tolist()
    return {"revision": base_model.revision(table), "content": [weights, base.tokenizer("#Person1#")["input_ids"]]}


def _data(name: str, revision: str | None) -> dict[str, Any]:
    table = TaskTable(name="dialogsum", data=name, revision=revision)
    splits = data.load(table)
    content = {split: [[row.id, row.source, row.target] for row in rows] for split, rows in splits.items()}
    return {"revision": data.revision(table), "content": content}


def main() -> None:
    """Answer until there are no more requests; one for several ``times`` is done by as many processes at once."""
    for line in sys.stdin:
        request = json.loads(line)
        times = request["times"]
        with ProcessPoolExecutor(times, multiprocessing.get_context("fork")) as pool:
            answers = list(pool.map(load, [request] * times)) if times > 1 else [load(request)]
        print(json.dumps(answers), flush=True)


if __name__ == "__main__":
    main()
