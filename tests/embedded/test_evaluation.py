"""The evaluation tells reasoning from shortcuts and luck."""

from __future__ import annotations

import pytest
from yardstick.embedded.evaluation import needs_both_sentences
from yardstick.embedded.items import Item
from yardstick.embedded.model_card import no_better_than_guessing


@pytest.mark.parametrize(
    ("question", "keyword", "expected"),
    [
        ("Tom is taller than Ann. Ann is taller than Bob. Who is the tallest?", "Tom", False),
        ("Tom is taller than Ann. Ann is taller than Bob. Who is the shortest?", "Bob", False),
        ("Ann is taller than Bob. Tom is taller than Ann. Who is the tallest?", "Tom", True),
        ("Bob is shorter than Ann. Ann is shorter than Tom. Who is the tallest?", "Tom", True),
        ("Ann is taller than Bob. Ann is shorter than Tom. Who is the shortest?", "Bob", True),
    ],
)
def test_chains_that_defeat_the_shortcut_are_told_apart(question: str, keyword: str, expected: bool) -> None:
    assert needs_both_sentences(Item("logic", "chain-3", "key", question, "", keyword)) is expected


@pytest.mark.parametrize(("correct", "lucky"), [(100, True), (133, True), (150, True), (153, False), (380, False)])
def test_a_kind_is_called_luck_up_to_two_standard_errors_above_guessing(correct: int, lucky: bool) -> None:
    """A third of 400 is 133 and its standard error is 9.4."""
    evaluation = {"held_out": {"logic": {"correct": 1, "asked": 400}, "logic/race": {"correct": correct, "asked": 400}}}
    assert no_better_than_guessing(evaluation) == (["race"] if lucky else [])
