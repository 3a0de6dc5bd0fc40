"""The retrieval suite: the number stands where it should, in a text as long as stated, and other numbers do not pass."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from working_copy import ROOT
from yardstick.suites.items import Asked, Item
from yardstick.suites.keyword_match import score
from yardstick.suites.load import read_suite
from yardstick.suites.retrieval import RetrievalSuite
from yardstick.suites.retrieval_items import make_items

SUITE = read_suite(ROOT / "config/suites/retrieval.yaml")
assert isinstance(SUITE, RetrievalSuite)


def solves(item: Item, answer: str) -> bool:
    return score(item, {"answer": answer}, is_chat=True).solved


@settings(max_examples=25, deadline=None)
@given(length=st.integers(64, 3000), depth=st.floats(0, 1), keys=st.integers(1, 40), seed=st.integers(0, 99))
def test_a_text_is_as_long_as_stated_and_the_number_stands_at_its_depth(
    length: int, depth: float, keys: int, seed: int
) -> None:
    (item,) = make_items([length], [depth], [keys], 1, seed)
    text, question = item.question.split("\n\n")
    person = question.removeprefix("What is the secret number of ").rstrip("?")
    fact = f"The secret number of {person} is {item.expected['accept'][0]}."
    assert text.count(fact) == 1
    assert text.count("secret number") == keys
    room = max(4 * length, 45 * keys)
    assert 0.9 * 4 * length < len(text) < room + 100
    if keys == 1 and length > 500:
        assert text.index(fact) / (len(text) - len(fact)) == pytest.approx(depth, abs=0.05)


def test_only_the_number_that_was_asked_for_passes() -> None:
    for item in make_items([256], [0, 1], [1, 4], 2, 7):
        assert solves(item, f"It is {item.expected['accept'][0]}.")
        assert not solves(item, "I do not know.")
        for other in item.expected["reject"]:
            assert not solves(item, other)
            assert not solves(item, f"{item.expected['accept'][0]} or {other}")


def test_a_model_is_asked_what_its_context_holds() -> None:
    def lengths(context: int) -> list[int]:
        return SUITE.answers_document(Asked(is_chat=False, context_length=context))["lengths"]

    assert lengths(512) == [256]
    assert lengths(4096) == [256, 512, 1024, 2048]
    assert "does not fit into a context of 128" in str(SUITE.misfit(Asked(is_chat=False, context_length=128)))
    items = SUITE.items(Asked(is_chat=False, context_length=1024))
    assert len({item.id for item in items}) == len(items) == 2 * 2 * 5 * 2


def test_items_of_shorter_texts_do_not_depend_on_the_context() -> None:
    short, long = (SUITE.items(Asked(is_chat=False, context_length=context)) for context in (1024, 4096))
    assert long[: len(short)] == short
