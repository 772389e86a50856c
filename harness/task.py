"""What the author of a task imports. Most tasks need no Python: see docs/tasks.md."""

from .spec.task_contract import Task

__all__ = ["Task"]
