"""What runs inside the sandbox: takes a request from its input, limits itself, calls a function, writes results.

Standard library only; `sandbox` reads this file and gives its text to an interpreter inside.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from typing import Any


def _limit(limits: dict[str, int]) -> None:
    """Set hard limits, which nothing that runs afterwards can raise, and become a user without rights."""
    for kind, amount in (
        (resource.RLIMIT_CPU, limits["cpu_s"]),
        (resource.RLIMIT_AS, limits["memory"]),
        (resource.RLIMIT_FSIZE, limits["file"]),
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (amount, amount))
    if limits["user"]:
        os.setgroups([])
        os.setresgid(limits["user"], limits["user"], limits["user"])
        os.setresuid(limits["user"], limits["user"], limits["user"])


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; what JSON has not is marked, so that it equals nothing else."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, (set, frozenset)):
        return {"set": sorted(map(_plain, value), key=repr)}
    raise TypeError(f"returned a {type(value).__name__}")


def _main() -> None:
    request = json.loads(sys.stdin.buffer.read())
    _limit(request["limits"])
    results = os.dup(1)
    nothing = os.open("/dev/null", os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)

    def tell(case: int, **found: Any) -> None:
        os.write(results, (json.dumps({"case": case, **found}) + "\n").encode())

    space: dict[str, Any] = {"__name__": "answer"}
    try:
        exec(compile(request["code"], "answer.py", "exec"), space)
        function = space[request["function"]]
    except BaseException as error:
        tell(0, error=f"{type(error).__name__}: {error}"[:200])
        return
    for case, arguments in enumerate(request["cases"]):
        try:
            tell(case, value=_plain(function(*arguments)))
        except BaseException as error:
            tell(case, error=f"{type(error).__name__}: {error}"[:200])


if __name__ == "__main__":
    _main()
