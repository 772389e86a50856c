"""Needs a package that is not installed."""

import a_package_that_nobody_has

from harness.method import Method


class LacksAPackage(Method):
    optimizer = a_package_that_nobody_has.Optimizer
