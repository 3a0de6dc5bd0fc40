"""Each task of the suite with what the model was asked, what it answered, and which keywords were found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from yardstick.catalog import answers_metric
from yardstick.errors import YardstickError
from yardstick.leaderboard.page.interned import Interned
from yardstick.shard_paths import ShardPath
from yardstick.shards import read_shard

# Characters; a suite's answers have some hundred. It keeps a forged file from filling the page.
LONGEST_TEXT = 4_000
MOST_KEYWORDS = 20
# Tasks of one suite and model whose answers are shown.
MOST_TASKS = 40


def task_answers(results: Path, scores: ShardPath, answers_definition: str, texts: Interned) -> list[dict[str, Any]]:
    """Return one document per task, in the order of the shard; empty when the shards cannot be read.

    Args:
        results: the folder with the shards.
        scores: the scores.
        answers_definition: definition hash of the answers that were scored.
        texts: takes the prompts, which models share.
    """
    answers = ShardPath(
        answers_metric(scores.metric), scores.model, scores.machine, answers_definition, scores.environment
    )
    try:
        scored = [row for row in read_shard(results, scores).rows if row["sample"] is None]
        asked = {row["task"]: row for row in read_shard(results, answers).rows if row["sample"] is None}
    except YardstickError:
        return []
    known = [row for row in scored if row["task"] in asked]
    # Those that were not solved tell more, and a page with all answers to a long suite would be too large to open.
    shown = sorted(known, key=lambda row: row["solved"])[:MOST_TASKS]
    kept = {row["task"] for row in shown}
    return [_task(row, asked[row["task"]], texts) for row in known if row["task"] in kept]


def _task(scored: dict[str, Any], asked: dict[str, Any], texts: Interned) -> dict[str, Any]:
    answer = asked["answer"][:LONGEST_TEXT]
    considered = scored["considered"]
    return {
        "task": scored["task"],
        "category": scored["category"],
        "solved": scored["solved"],
        "prompt": texts.place(asked["prompt"][:LONGEST_TEXT]),
        "answer": answer,
        # How much of the answer counted: a length where it is the beginning, which it mostly is.
        "considered": len(considered) if answer.startswith(considered) else considered[:LONGEST_TEXT],
        "accepted": scored["accepted"][:MOST_KEYWORDS],
        "rejected": scored["rejected"][:MOST_KEYWORDS],
        "detail": scored["detail"] and scored["detail"][:LONGEST_TEXT],
        "finish": asked["finish"],
        "output_tokens": asked["output_tokens"],
    }
