"""Fixtures for the tests of the embedded models."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from working_copy import ROOT
from yardstick.embedded.suite_guard import SuiteGuard


@pytest.fixture(autouse=True)
def _settings_of_torch() -> Iterator[None]:
    """Use one thread, and leave other tests the settings that they expect."""
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)


@pytest.fixture(scope="module")
def guard() -> SuiteGuard:
    return SuiteGuard.from_file(ROOT / "config" / "suites" / "reasoning.yaml")
