"""What pyproject.toml cannot say: the folders ``harness`` and ``methods`` are installed as ``tuneoff``.

So no other project's ``harness`` or ``methods`` meets them.
"""

from setuptools import find_packages, setup

setup(
    package_dir={"tuneoff": "harness", "tuneoff.methods": "methods"},
    packages=["tuneoff", *(f"tuneoff.{name}" for name in find_packages("harness")), "tuneoff.methods"],
)
