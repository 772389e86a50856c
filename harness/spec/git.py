"""The environment for git commands, so that each one works on the folder that it names."""

import os

HOOK_VARIABLES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")  # set by git for its hooks


def environment() -> dict[str, str]:
    """This process's environment without ``HOOK_VARIABLES``, with which git would use the hook's repository instead."""
    return {name: value for name, value in os.environ.items() if name not in HOOK_VARIABLES}
