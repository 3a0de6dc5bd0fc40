"""Long text on the leaderboard."""

from __future__ import annotations

from typing import Any

import pytest
from leaderboard_world import World, lengths
from yardstick.errors import YardstickError
from yardstick.leaderboard.document import LongText
from yardstick.leaderboard.reduce import summarize


def part(world: World, rows: list[dict[str, Any]]) -> LongText:
    world.write("long_text", rows=rows)
    found = world.row().long_text
    assert found is not None
    return found


def test_prompts_become_levels_and_the_longest_is_the_headline(world: World) -> None:
    found = part(world, lengths())
    assert (found.longest_prompt_tokens, found.longest_ttft_s, found.prefill_tokens_per_s) == (256, 0.256, 1000)
    assert [level.prompt_tokens for level in found.levels] == [64, 128, 256]
    assert [level.peak_mb for level in found.levels] == [10.128, 10.256, 10.512]
    assert found.levels[0].tpot_s == 0.01


def test_memory_by_tokens_is_the_slope_of_the_peaks(world: World) -> None:
    found = part(world, lengths())
    assert found.mb_per_1k_tokens == pytest.approx(2)
    assert found.mb_per_1k_tokens_interval == pytest.approx([2, 2])


def test_two_lengths_have_no_slope(world: World) -> None:
    found = part(world, lengths(tokens=(64, 128)))
    assert (found.mb_per_1k_tokens, found.mb_per_1k_tokens_interval) == (None, None)


def test_a_server_elsewhere_has_no_memory(world: World) -> None:
    rows = [row | {"peak_bytes": None, "resident_before_bytes": None} for row in lengths()]
    assert {level.peak_mb for level in part(world, rows).levels} == {None}


def test_a_long_answer_that_slows_down_says_so(world: World) -> None:
    found = part(world, lengths())
    assert (found.generated_tokens, found.generations) == (512, 2)
    # 127 of the 511 gaps are a quarter: 0.01 s each at first and 0.02 s each at last.
    assert found.generation_slowdown == pytest.approx(2)
    assert found.generation_tokens_per_s == pytest.approx(512 / (0.02 + 1.28 + 3.825 + 2.56), rel=1e-5)


def test_an_answer_that_ends_early_is_flagged(world: World) -> None:
    rows = lengths()
    rows[-1]["length"] = 600
    world.write("long_text", rows=rows)
    assert world.row().flags == ["short"]


@pytest.mark.parametrize(
    ("number", "change", "reason"),
    [
        (0, {"length": 300}, "lengths do not go up"),
        (0, {"part": "answer"}, "not prompts and then long answers"),
        (0, {"requests": 4}, "not one time for each request"),
        (0, {"ttft_s": [-1.0] * 5}, "ttft_s out of bounds"),
        (0, {"itl_s": [[float("nan")]] * 5}, "itl_s out of bounds"),
        (1, {"peak_bytes": -1}, "peak_bytes out of bounds"),
        (1, {"prompt_tokens": 0}, "prompt_tokens below 1"),
    ],
)
def test_rows_that_cannot_be_true_are_not_read(world: World, number: int, change: dict[str, Any], reason: str) -> None:
    rows = lengths()
    rows[number].update(change)
    path = world.write("long_text", rows=rows)
    with pytest.raises(YardstickError, match=reason):
        summarize(world.results, path)
