"""What a shard says in a few words, for a reviewer."""

from __future__ import annotations

from yardstick.catalog import is_scores, suite_of
from yardstick.leaderboard.cells import number
from yardstick.shards import Shard
from yardstick.statistics import mean


def headline(shard: Shard) -> str:
    """Return a shard's result with its unit; only for shards in which nothing is wrong."""
    rows, metric = shard.rows, shard.path.metric
    if is_scores(metric):
        greedy = [row["solved"] for row in rows if row["sample"] is None]
        return f"{sum(greedy)} of {len(greedy)} tasks solved"
    if suite_of(metric):
        return f"{len(rows)} answers"
    if metric == "latency":
        return f"{number(mean([row['e2e_s'] for row in rows]))} s, n={len(rows)}"
    if metric == "throughput":
        return f"{number(mean([row['output_tokens'] / row['wall_s'] for row in rows]))} tokens/s, n={len(rows)}"
    if metric == "concurrency":
        best = max(row["output_tokens"] / row["wall_s"] for row in rows)
        return f"{number(best)} tokens/s at best, {len(rows)} levels"
    if metric == "long_text":
        longest = rows[-2]
        rate = longest["prompt_tokens"] / sum(longest["ttft_s"])
        return f"{number(rate)} tokens/s of a prompt of {longest['prompt_tokens'] / longest['requests']:g} tokens"
    grown = rows[0]["rss_after_bytes"] - rows[0]["rss_before_bytes"]
    return f"{number(grown / 1e6)} MB"
