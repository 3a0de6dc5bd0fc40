"""Training repeats itself exactly, and feeds the model what it should."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from yardstick.embedded.batches import IGNORED, batches, collate, encode
from yardstick.embedded.corpus import Example, training_examples
from yardstick.embedded.items import Item
from yardstick.embedded.recipes import RECIPES
from yardstick.embedded.suite_guard import SuiteGuard
from yardstick.embedded.tokenizer import END_OF_TEXT_ID
from yardstick.embedded.training import rate_factor, save, train

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "workflow" / "resources" / "embedded"
MINI, BASE = RECIPES["yardstick-mini"], RECIPES["yardstick-base"]
WRITTEN = {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(SHIPPED / MINI.name / "tokenizer.json"))


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_training_twice_gives_identical_files_and_learns(guard: SuiteGuard, tmp_path: Path) -> None:
    losses = []
    for run in ("first", "second"):
        torch.manual_seed(len(run))  # whatever random state the process is in must not matter
        trained = train(MINI, guard, steps=12)
        save(trained, tmp_path / run)
        losses.append(trained.loss)
    assert hashes(tmp_path / "first") == hashes(tmp_path / "second")
    assert set(hashes(tmp_path / "first")) == WRITTEN
    assert losses[0] == losses[1]

    untrained = train(MINI, guard, steps=1)
    assert losses[0] < untrained.loss


def test_tokenizer_of_a_short_training_is_the_shipped_one(guard: SuiteGuard, tmp_path: Path) -> None:
    save(train(BASE, guard, steps=1), tmp_path)
    for name in WRITTEN - {"model.safetensors"}:
        assert (tmp_path / name).read_bytes() == (SHIPPED / BASE.name / name).read_bytes(), name


def test_labels_cover_the_completion_and_the_end_of_text_alone(tokenizer: Tokenizer) -> None:
    item = Item("arithmetic", "add", "add 1 2", "1 + 2", "The answer is 3.", "3")
    short = Example("1 + 2", "\nThe answer is 3.", item)
    long = Example("What is the sum of 1 and 2?", "\nThe answer is 3.", item)
    encoded = encode(tokenizer, [short, long])
    tokens, labels = collate(encoded)
    for row, example in enumerate(encoded):
        first = len(example.prompt) - 1
        assert tokens[row, : first + 1].tolist() == example.prompt
        assert labels[row, first : first + len(example.completion)].tolist() == example.completion
        assert (labels[row] != IGNORED).sum() == len(example.completion)
        assert example.completion[-1] == END_OF_TEXT_ID
    # The token at each labelled position is the one before its label.
    assert tokens[0, len(encoded[0].prompt) :][: len(encoded[0].completion) - 1].tolist() == encoded[0].completion[:-1]


def test_batches_hold_every_example_once(guard: SuiteGuard, tokenizer: Tokenizer) -> None:
    examples = list(training_examples(1, 700, guard))
    rows = [
        tuple(token for token in row if token != END_OF_TEXT_ID)
        for tokens, _ in batches(examples, tokenizer, 8, seed=1)
        for row in tokens.tolist()
    ]
    expected = [tuple(example.prompt + example.completion[:-1]) for example in encode(tokenizer, examples)]
    assert sorted(rows) == sorted(expected)
    assert rows != expected


def test_rate_rises_then_falls_and_never_reaches_zero() -> None:
    rates = [rate_factor(step, MINI) for step in range(MINI.steps)]
    peak = rates.index(max(rates))
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert 0 < min(rates[peak:]) < 0.02


def test_command_line_says_in_one_line_that_the_suite_is_missing(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "train_embedded.py"), "--suite", "missing.yaml"]
    done = subprocess.run([*command, "--output", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "missing.yaml" in done.stderr
    assert list(tmp_path.iterdir()) == []
