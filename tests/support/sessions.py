"""A session whose runs are done, or are never to be done."""

from harness.session.bakeoff import Bakeoff, Selection
from harness.spec import plan
from harness.store.results import Store


class Idle:
    """An executor that does nothing."""

    def close(self): ...


def session(suite, plugins, folder, here, *records, executor=None, published=None, **options):
    """The session of a suite; these runs of it are done, and no other was asked for."""
    request = plan.request(suite, plugins, folder, published, **options)
    selection = Selection(runs=[record.spec.name for record in records])
    store = Store(folder, suite.name, published)
    found = Bakeoff(request, store, executor or Idle(), here, [], selection)
    found.ledger.done.update({record.spec.name: record for record in records})
    return found
