"""Which suites this machine cannot run, found out before anything is started."""

from __future__ import annotations

import importlib.util
from functools import cache

from yardstick.suites.base import BaseSuite


def suite_refusal(suite: BaseSuite) -> str | None:
    """Return why this machine cannot run a suite, with the remedy, or None."""
    for package, module in suite.packages.items():
        if not _is_installed(module):
            return f"needs the Python package {package}, which is not installed; run: {suite.setup}"
    return suite.machine_refusal()


@cache
def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
