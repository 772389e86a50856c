"""The built-in methods as the tests try them."""

from functools import cache
from importlib.util import find_spec

from harness.method import Method
from harness.run import loader
from harness.spec import registry
from support import contracts
from support.contracts import Trial

QUICK = {"eva": {"rank": 4, "alpha": 4}, "monteclora": {"rank": 8, "alpha": 8}}  # their defaults take seconds to start
CLASSES: dict[str, type[Method]] = {
    name: loader.load(plugin, QUICK.get(name, {})) for name, plugin in registry.discover().items()
}
UNATTACHABLE = {  # to a T5 on the CPU, with a word of the reason
    "adaption_prompt": "encoder-decoder",
    "boft": "CUDA GPU",
    "cpt": "encoder-decoder",
    "shadow": "encoder-decoder",
    "xlora": "trained before",
} | ({} if find_spec("sklearn") else {"adamss": "scikit-learn"})
TRAINED = [name for name, cls in CLASSES.items() if cls.trains and name not in UNATTACHABLE]


@cache
def trained(name: str) -> Trial:
    """A method that was trained as it comes; not to be changed."""
    return contracts.trained(CLASSES[name])
