"""``pytest --benchmark --serve``: no items; executes the runs that another session requests.

Such a session is that of ``--against``.
"""

from collections.abc import Mapping, Sequence

import pytest

from . import options
from .options import REQUEST


def start(config: pytest.Config) -> Mapping[str, Sequence[str]]:
    """No values, and so no items; the suite may name methods that do not exist here."""
    from ..spec import plan

    plugins = options.plugins(config)
    known = plan.known(options.suite(config), plugins)
    folders = options.results(config, known.name)
    device, metrics = config.getoption("device"), options.metrics(config)
    config.stash[REQUEST] = plan.request(known, plugins, *folders, device=device, metrics=metrics)
    return {}


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """Execute runs until the other session requests no more."""
    from ..session import served

    served.serve(session.config.stash[REQUEST], session.config.getoption("serve"))
    return True
