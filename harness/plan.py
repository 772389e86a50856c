"""Suite × methods × seeds → run specs."""

from collections.abc import Mapping

from harness import registry
from harness.record import RunSpec
from harness.registry import Plugin
from harness.suite import Suite


def runs(suite: Suite, plugins: Mapping[str, Plugin]) -> list[RunSpec]:
    """One spec for each method and seed, in the suite's order.

    Raises ``PluginError`` for a method that does not exist.
    """
    return [
        RunSpec(
            suite=suite.name,
            method=method,
            seed=seed,
            task=suite.task,
            model=suite.model,
            budget=suite.budget,
            evaluation=suite.evaluation,
            batch_size=suite.run.batch_size,
            overrides=suite.methods.get(method, {}),
            source=registry.find(plugins, method).source_hash,
        )
        for method in suite.run.methods
        for seed in suite.run.seeds
    ]
