"""What surrounds lm-eval's code while it loads and renders: no network, its own seeds, no output."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import random
from collections.abc import Iterator
from typing import Any

# Seeds that lm-eval sets before it loads a task, which may shuffle its documents.
_PYTHON_SEED, _NUMPY_SEED = 0, 1234


@contextlib.contextmanager
def isolated(*, is_online: bool = False) -> Iterator[None]:
    """Run code of lm-eval and its data sets; without ``is_online`` nothing is fetched."""
    with quiet(), _seeded(), contextlib.nullcontext() if is_online else _offline():
        yield


@contextlib.contextmanager
def _offline() -> Iterator[None]:
    """Keep the libraries from the network, also where they were imported before anyone said so."""
    import datasets
    import huggingface_hub

    # Both read the variables once, when they are imported.
    with _set(datasets.config, "HF_HUB_OFFLINE"), _set(huggingface_hub.constants, "HF_HUB_OFFLINE"):
        yield


@contextlib.contextmanager
def _set(module: Any, switch: str) -> Iterator[None]:
    before = getattr(module, switch)
    setattr(module, switch, True)
    try:
        yield
    finally:
        setattr(module, switch, before)


@contextlib.contextmanager
def _seeded() -> Iterator[None]:
    """Set the seeds that lm-eval sets, and put the generators back."""
    import numpy as np

    states = random.getstate(), np.random.get_state()
    random.seed(_PYTHON_SEED)
    np.random.seed(_NUMPY_SEED)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep progress bars and warnings of the libraries away."""
    os.environ.setdefault("TQDM_DISABLE", "1")
    loggers = [logging.getLogger(name) for name in ("lm_eval", "datasets")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
