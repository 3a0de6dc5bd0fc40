"""Score a function that a model wrote by hidden tests. It runs in the sandbox; what it returns is judged out here."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from yardstick.errors import YardstickError
from yardstick.suites.items import Item, Scored
from yardstick.suites.sandbox import Outcome, run, sandbox_problem

_FENCE = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)(?:\n```|\Z)", re.DOTALL | re.IGNORECASE)


def score(item: Item, answer: Mapping[str, Any], *, is_chat: bool) -> Scored:
    """Run an answer's function against the item's hidden tests: solved when all of them pass.

    Raises:
        YardstickError: this machine has no sandbox; the code is not run.
    """
    if problem := sandbox_problem():
        raise YardstickError(problem)
    code = program(answer["answer"], item.expected["header"], item.expected["function"], is_chat=is_chat)
    tests = item.expected["tests"]
    outcome = run(code, item.expected["function"], [test["given"] for test in tests])
    passed = sum(_passes(outcome, case, test["expected"]) for case, test in enumerate(tests))
    return Scored(passed == len(tests), code, detail=_detail(outcome, passed, len(tests)))


def program(answer: str, header: str, function: str, *, is_chat: bool) -> str:
    """Return the Python source that an answer stands for.

    A chat model's is in its last fenced block that defines the function; a base model goes on where the header ends, and
    what it writes after the function's body is left out.
    """
    if is_chat:
        blocks = [block for block in _FENCE.findall(answer) if f"def {function}" in block]
        return str(blocks[-1]) if blocks else answer
    lines = answer.split("\n")
    # The header ends behind the docstring, so that the first line is the rest of it.
    body = [line for line in lines[1:] if line.strip()]
    if not body:
        return header + answer
    kept = []
    for line in lines[1:]:
        if line.strip() and not line[0].isspace():
            break
        kept.append(line)
    return header + lines[0] + "\n" + "\n".join(kept).rstrip() + "\n"


def _passes(outcome: Outcome, case: int, expected: Any) -> bool:
    found = outcome.results.get(case, {})
    return "value" in found and equal(found["value"], expected)


def equal(found: Any, expected: Any) -> bool:
    """Tell whether a value is the expected one: of the same kind, numbers with a fraction within 1e-9 of it."""
    if isinstance(expected, bool) or isinstance(found, bool) or expected is None:
        return found is expected
    if isinstance(expected, int | float) and isinstance(found, int | float):
        return found == expected or math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(expected, list) and isinstance(found, list):
        return len(found) == len(expected) and all(map(equal, found, expected))
    if isinstance(expected, dict) and isinstance(found, dict):
        return found.keys() == expected.keys() and all(equal(found[key], expected[key]) for key in expected)
    return type(found) is type(expected) and bool(found == expected)


def _detail(outcome: Outcome, passed: int, tests: int) -> str:
    errors = [found["error"] for _, found in sorted(outcome.results.items()) if "error" in found]
    why = {
        "time": "stopped: time is over",
        "output": "stopped: endless output",
        "crashed": "crashed, or reached a limit",
    }.get(outcome.ended)
    parts = [f"{passed} of {tests} tests", *([why] if why and passed < tests and not errors else []), *errors[:1]]
    return "; ".join(parts)[:200]
