"""Import what jobs need, then fork one process for each. Started by a run, and ends with it."""

import sys
from collections.abc import Mapping
from typing import Any

from yardstick.forkserver import serve
from yardstick.launch import run


def preload() -> None:
    """Import everything that a job imports before it loads a model."""
    import pandas  # noqa: F401 - pyarrow imports it with the first table
    from yardstick import measuring, scoring  # noqa: F401
    from yardstick.backends.transformers import import_libraries
    from yardstick.leaderboard import job  # noqa: F401
    from yardstick.metrics import answers, latency, memory, throughput  # noqa: F401

    import_libraries()


def handle(request: Mapping[str, Any]) -> int:
    """Run one job in a fork."""
    return run(request["job"], request["description"], request["arguments"])


if __name__ == "__main__":
    serve(sys.argv[1], preload, handle)
