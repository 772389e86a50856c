"""What a git command must be started with, so that it is about the folder that it names."""

import os

HOOK_VARIABLES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")  # set by git for its hooks


def environment() -> dict[str, str]:
    """This process' environment without ``HOOK_VARIABLES``: they name the hook's repository, whatever the folder."""
    return {name: value for name, value in os.environ.items() if name not in HOOK_VARIABLES}
