"""The machine and the libraries that a run uses."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

import torch
from transformers import PreTrainedModel

from ..spec import git
from ..spec.metric import Metric
from ..spec.record import Environment
from ..spec.suite import Precision

PACKAGES = ("torch", "transformers", "peft", "accelerate", "datasets", "evaluate", "tokenizers", "numpy")


def describe(
    device: torch.device,
    model: PreTrainedModel | None,
    metrics: Iterable[Metric],
    precision: Precision = "float32",
) -> Environment:
    """This process's environment, including the metrics' libraries and the base model's attention implementation."""
    libraries = [metric.library for metric in metrics if metric.library]
    return Environment(
        device=device.type,
        device_name=_device_name(device),
        threads=torch.get_num_threads(),
        dtype="bfloat16" if precision == "bf16" else "float32",
        attention=model.config._attn_implementation if model else None,
        python=platform.python_version(),
        platform=f"{platform.system()}-{platform.machine()}",
        packages={name: version(name) for name in dict.fromkeys((*PACKAGES, *libraries))},
        git=_commit(),
    )


def gpus(device: torch.device, named: str | None) -> tuple[str, ...]:
    """The GPUs that this process sees, as ``CUDA_VISIBLE_DEVICES`` names them.

    There are none if runs use another device, or one GPU that the user named.
    """
    if device.type != "cuda" or named not in (None, "cuda"):
        return ()
    count = torch.cuda.device_count()
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    names: Iterable[str] = listed.split(",") if listed else map(str, range(count))
    return tuple(name.strip() for name in names)[:count]


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    if sys.platform == "darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        with suppress(OSError, subprocess.CalledProcessError):
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


@cache
def _commit() -> str | None:
    """The commit of the code, with ``+`` if there are uncommitted changes."""
    try:
        commit, changes = (
            _git("rev-parse", "--short=12", "HEAD"),
            _git("status", "--porcelain", "--", ".", "../methods"),
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{commit}{'+' if changes else ''}"


def _git(*arguments: str) -> str:
    command = ["git", "-C", f"{Path(__file__).parents[1]}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=git.environment()).stdout.strip()
