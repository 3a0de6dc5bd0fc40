"""Each task of the suite with what the model was asked, what it answered, and which keywords were found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from yardstick.catalog import ANSWERS
from yardstick.errors import YardstickError
from yardstick.leaderboard.page.interned import Interned
from yardstick.shard_paths import ShardPath
from yardstick.shards import read_shard

# Characters; a suite's answers have some hundred. It keeps a forged file from filling the page.
LONGEST_TEXT = 4_000
MOST_KEYWORDS = 20


def task_answers(results: Path, scores: ShardPath, answers_definition: str, texts: Interned) -> list[dict[str, Any]]:
    """Return one document per task, in the order of the shard; empty when the shards cannot be read.

    Args:
        results: the folder with the shards.
        scores: the scores.
        answers_definition: definition hash of the answers that were scored.
        texts: takes the prompts, which models share.
    """
    answers = ShardPath(ANSWERS, scores.model, scores.machine, answers_definition, scores.environment)
    try:
        scored = read_shard(results, scores).rows
        asked = {row["task"]: row for row in read_shard(results, answers).rows}
    except YardstickError:
        return []
    return [_task(row, asked[row["task"]], texts) for row in scored if row["task"] in asked]


def _task(scored: dict[str, Any], asked: dict[str, Any], texts: Interned) -> dict[str, Any]:
    answer = asked["answer"][:LONGEST_TEXT]
    considered = scored["considered"]
    return {
        "task": scored["task"],
        "solved": scored["solved"],
        "prompt": texts.place(asked["prompt"][:LONGEST_TEXT]),
        "answer": answer,
        # How much of the answer counted: a length where it is the beginning, which it mostly is.
        "considered": len(considered) if answer.startswith(considered) else considered[:LONGEST_TEXT],
        "accepted": scored["accepted"][:MOST_KEYWORDS],
        "rejected": scored["rejected"][:MOST_KEYWORDS],
        "finish": asked["finish"],
        "output_tokens": asked["output_tokens"],
    }
