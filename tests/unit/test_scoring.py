"""Scores of stored answers, through the script as the rule calls it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from working_copy import WorkingCopy
from yardstick.identity import Document, document_hash, score_definition
from yardstick.registry import load_registry
from yardstick.scoring import score_rows
from yardstick.shard_paths import ShardPath
from yardstick.shards import read_shard, write_shard
from yardstick.suites.items import Asked
from yardstick.suites.suite import Suite

MODEL = "yardstick-mini"
SUITE = Suite.model_validate(
    {
        "name": "reasoning",
        "description": "Two tasks.",
        "base_prompt": "Q: {question}\nA:",
        "max_new_tokens": 8,
        "tasks": [
            {"id": "add", "category": "arithmetic", "question": "1 + 1?", "accept": ["2", "two"], "reject": ["3"]},
            {"id": "colour", "category": "common_sense", "question": "The sky?", "accept": ["blue"]},
        ],
    }
)


def answer(task: str, text: str) -> dict[str, Any]:
    return {"task": task, "prompt": "", "prompt_tokens": 1, "output_tokens": 1, "answer": text, "finish": "stop"}


def test_each_answer_gets_one_row_in_the_order_of_the_answers() -> None:
    rows = score_rows([answer("colour", "Blue."), answer("add", "2 or 3")], SUITE, Asked(is_chat=True))
    assert rows == [
        {"task": "colour", "category": "common_sense", "solved": True}
        | {"accepted": ["blue"], "rejected": [], "considered": "Blue.", "sample": None, "detail": None},
        {"task": "add", "category": "arithmetic", "solved": False}
        | {"accepted": ["2"], "rejected": ["3"], "considered": "2 or 3", "sample": None, "detail": None},
    ]


def test_what_a_base_model_asks_itself_does_not_count() -> None:
    (row,) = score_rows([answer("add", "4\nQ: What?\nA: 2")], SUITE, Asked(is_chat=False))
    assert (row["solved"], row["considered"]) == (False, "4\n")
    (row,) = score_rows([answer("add", "4\nQ: What?\nA: 2")], SUITE, Asked(is_chat=True))
    assert row["solved"]


IDENTITY: Document = {"definition": {"metric": "reasoning_answers"}, "environment": {"python": "3.11"}}
ANSWERS = ShardPath(
    "reasoning_answers", MODEL, "box", document_hash(IDENTITY["definition"]), document_hash(IDENTITY["environment"])
)


@pytest.fixture
def scores(working_copy: WorkingCopy) -> ShardPath:
    """The path of the scores of answers of which one is right."""
    (working_copy.root / "config/suites/reasoning.yaml").write_text(SUITE.model_dump_json())
    rows = [answer("add", "It is two."), answer("colour", "Red.")]
    write_shard(working_copy.root / "results", ANSWERS, rows, IDENTITY, {"threads": 1})
    entry = load_registry(working_copy.root / "config/models.yaml")[MODEL]
    definition = document_hash(score_definition(ANSWERS.definition, entry, SUITE))
    return ShardPath("reasoning", MODEL, "box", definition, ANSWERS.environment)


def run(copy: WorkingCopy, output: object, answers: object = ANSWERS) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "scripts/score_suite.py", "--answers", f"results/{answers}"]
    command += ["--output", f"results/{output}", "--log", "logs/x.log"]
    return subprocess.run(command, cwd=copy.root, capture_output=True, text=True, env=os.environ, check=False)


def refusal(copy: WorkingCopy, output: object, answers: object = ANSWERS) -> str:
    done = run(copy, output, answers)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1), done.stderr
    assert not list(copy.root.glob("results/metric=reasoning/**/*.parquet"))
    return done.stderr


def test_the_script_writes_scores_that_carry_the_run_of_the_answers(
    working_copy: WorkingCopy, scores: ShardPath
) -> None:
    done = run(working_copy, scores)
    assert (done.returncode, done.stderr) == (0, f"reasoning {MODEL}: 1 of 2 solved\n")
    shard = read_shard(working_copy.root / "results", scores)
    assert [row["solved"] for row in shard.rows] == [True, False]
    assert (shard.run, shard.identity["environment"]) == ({"threads": 1}, IDENTITY["environment"])


def test_a_suite_that_changed_meanwhile_is_refused(working_copy: WorkingCopy, scores: ShardPath) -> None:
    file = working_copy.root / "config/suites/reasoning.yaml"
    file.write_text(file.read_text().replace('"blue"', '"red"'))
    assert "the suite or the scorer changed since this run began; run the same command again" in refusal(
        working_copy, scores
    )


def test_answers_that_are_cut_are_refused_and_named(working_copy: WorkingCopy, scores: ShardPath) -> None:
    file = ANSWERS.below(working_copy.root / "results")
    file.write_bytes(file.read_bytes()[:-10])
    assert f"results/{ANSWERS}: not a whole Yardstick shard" in refusal(working_copy, scores)


@pytest.mark.parametrize("output", ["scores.parquet", "../elsewhere.parquet"])
def test_an_output_that_is_no_shard_is_refused(output: str, working_copy: WorkingCopy, scores: ShardPath) -> None:
    assert "not the path of a shard; give a file below results/" in refusal(working_copy, output)


def test_a_model_that_left_the_registry_is_refused(working_copy: WorkingCopy, scores: ShardPath) -> None:
    output = str(scores).replace(MODEL, "gone")
    assert "has no model 'gone'" in refusal(working_copy, output)
