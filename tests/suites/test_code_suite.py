"""The code suite: right solutions pass, wrong and cheating ones do not, and answers are read as they are meant."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import code_references
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from working_copy import ROOT
from yardstick.errors import YardstickError
from yardstick.statistics import pass_at_k
from yardstick.suites import code_scorer
from yardstick.suites.code import CodeSuite
from yardstick.suites.code_items import procedural_items
from yardstick.suites.code_scorer import equal, program, score
from yardstick.suites.items import Asked, Item
from yardstick.suites.load import read_suite
from yardstick.suites.sandbox import sandbox_problem

needs_sandbox = pytest.mark.skipif(sandbox_problem() is not None, reason=str(sandbox_problem()))
SUITE = read_suite(ROOT / "config/suites/code.yaml")
assert isinstance(SUITE, CodeSuite)
ITEMS = {item.id: item for item in SUITE.items(Asked(is_chat=False))}
OWN = [task.id for task in SUITE.tasks]
IMPORTS = "import math\nimport re\nfrom collections import Counter\nfrom typing import Any\n\n"


def solution(item: Item) -> str:
    return IMPORTS + inspect.getsource(getattr(code_references, item.expected["function"]))


def chat(item: Item, code: str) -> Any:
    return score(item, {"answer": f"Here it is:\n```python\n{code}\n```\nDone."}, is_chat=True)


def test_there_are_at_least_30_own_functions_and_a_procedural_family() -> None:
    assert len(OWN) >= 30
    assert len(ITEMS) == len(OWN) + SUITE.procedural


@needs_sandbox
@pytest.mark.parametrize("name", OWN)
def test_a_right_solution_passes(name: str) -> None:
    found = chat(ITEMS[name], solution(ITEMS[name]))
    assert found.solved, found.detail


@needs_sandbox
@pytest.mark.parametrize("name", OWN)
def test_no_constant_passes(name: str) -> None:
    """No function can be guessed by always returning what the first test expects."""
    item = ITEMS[name]
    constant = f"def {item.expected['function']}(*_):\n    return {item.expected['tests'][0]['expected']!r}\n"
    assert not chat(item, constant).solved


def test_the_question_gives_no_test_away() -> None:
    for item in ITEMS.values():
        for test in item.expected["tests"]:
            assert len(repr(test["given"])) < 12 or repr(test["given"])[1:-1] not in item.question


def test_procedural_functions_are_always_the_same_and_more_of_them_change_none() -> None:
    assert procedural_items(8, 1) == procedural_items(20, 1)[:8]
    assert procedural_items(8, 1) != procedural_items(8, 2)
    assert len({item.id for item in procedural_items(200, 1)}) == 200


@needs_sandbox
def test_a_base_model_goes_on_where_the_header_ends() -> None:
    item = ITEMS["digit-sum"]
    body = "\n    return sum(int(digit) for digit in str(abs(n)))\n\nprint(digit_sum(12))\n# and more"
    assert score(item, {"answer": body}, is_chat=False).solved
    assert "print" not in program(body, item.expected["header"], "digit_sum", is_chat=False)


def test_of_a_chat_answer_the_last_block_with_the_function_counts() -> None:
    answer = "```\nx = 1\n```\nfirst\n```python\ndef f():\n    return 1\n```\nbetter\n```py\ndef f():\n    return 2\n```\n```\nf()\n```"
    assert program(answer, "", "f", is_chat=True) == "def f():\n    return 2"
    assert program("def f(): pass", "", "f", is_chat=True) == "def f(): pass"
    assert program("```python\ndef f(): pass", "", "f", is_chat=True) == "def f(): pass"


CHEATS = {
    "prints passed": "def digit_sum(n):\n    print('passed', 'OK', '4 of 4 tests')\n",
    "exits with success": "import os\ndef digit_sum(n):\n    os._exit(0)\n",
    "exits at import": "import sys\nsys.exit(0)\n",
    "equals everything": (
        "class Yes:\n    def __eq__(self, other):\n        return True\n    __hash__ = None\n"
        "def digit_sum(n):\n    return Yes()\n"
    ),
    "an int that equals everything": (
        "class Yes(int):\n    def __eq__(self, other):\n        return True\n    __hash__ = int.__hash__\n"
        "def digit_sum(n):\n    return Yes(7)\n"
    ),
    "patches json": 'import json\njson.dumps = lambda *a, **k: \'{"case": 0, "value": true}\'\ndef digit_sum(n):\n    return 0\n',
    "looks for the tests": (
        "import gc, sys\ndef digit_sum(n):\n"
        "    frame = sys._getframe(1)\n    known = frame.f_locals.get('request', {})\n"
        "    return known.get('expected') or known.get('tests') or [o for o in gc.get_objects() if o == 'expected']\n"
    ),
    "writes results itself": (
        "import os\ndef digit_sum(n):\n    for fd in range(3, 64):\n        try:\n"
        '            os.write(fd, b\'{"case": 0, "value": true}\\n{"case": 1, "passed": true}\\n\')\n'
        "        except OSError:\n            pass\n    os._exit(0)\n"
    ),
    "changes its arguments": "def digit_sum(n):\n    n = 6\n    return n\n",
}


@needs_sandbox
@pytest.mark.parametrize("code", CHEATS.values(), ids=list(CHEATS))
def test_nothing_but_the_right_values_passes(code: str) -> None:
    assert not chat(ITEMS["digit-sum"], code).solved


@needs_sandbox
def test_a_score_says_how_many_tests_passed_and_why_not() -> None:
    item = ITEMS["digit-sum"]
    assert chat(item, "def digit_sum(n):\n    return sum(map(int, str(n)))\n").detail == (
        "3 of 4 tests; ValueError: invalid literal for int() with base 10: '-'"
    )
    assert chat(item, "no python at all").detail.startswith("0 of 4 tests; SyntaxError")


def test_without_a_sandbox_nothing_is_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr(code_scorer, "sandbox_problem", lambda: "needs the sandbox bubblewrap; install it")
    monkeypatch.setattr(code_scorer, "run", lambda *_, **__: ran.append("run"))
    with pytest.raises(YardstickError, match="needs the sandbox"):
        chat(ITEMS["digit-sum"], "")
    assert ran == []


@pytest.mark.parametrize(
    ("found", "expected", "is_equal"),
    [
        (1, 1, True),
        (1, True, False),
        (True, 1, False),
        (0.1 + 0.2, 0.3, True),
        (0.31, 0.3, False),
        ([1, 2], [1, 2], True),
        ([1], [1, 2], False),
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        (None, None, True),
        (0, None, False),
        ("1", 1, False),
        ({"set": [1]}, [1], False),
    ],
)
def test_values_are_compared_by_kind_and_value(found: Any, expected: Any, is_equal: bool) -> None:
    assert equal(found, expected) is is_equal


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 12), data=st.data())
def test_pass_at_k_is_the_share_of_subsets_with_a_solution(n: int, data: st.DataObject) -> None:
    from itertools import combinations

    solved, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    subsets = list(combinations([True] * solved + [False] * (n - solved), k))
    assert pass_at_k(n, solved, k) == pytest.approx(sum(map(any, subsets)) / len(subsets))


def test_a_suite_file_with_a_mistake_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "code.yaml"
    file.write_text(
        (ROOT / "config/suites/code.yaml").read_text().replace("def digit_sum(n: int) -> int:", "digit_sum")
    )
    with pytest.raises(YardstickError, match=r"entry \d+ \(digit-sum\): signature: 'digit_sum' is not valid"):
        read_suite(file)


def test_drawn_answers_need_an_engine_that_draws() -> None:
    drawing = SUITE.model_copy(update={"samples": 5})
    assert drawing.misfit(Asked(is_chat=True)) is None
    assert "need backend transformers" in str(drawing.misfit(Asked(is_chat=True, backend="ollama")))
    assert SUITE.misfit(Asked(is_chat=True, backend="ollama")) is None
