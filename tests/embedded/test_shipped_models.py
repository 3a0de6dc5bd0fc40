"""The shipped models are complete, are what their records say, and answer as they were trained to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer
from yardstick.embedded.corpus import FAMILIES, training_examples, unique_items, wrap
from yardstick.embedded.evaluation import Score, answered_exactly, load, score, select_items
from yardstick.embedded.items import Item
from yardstick.embedded.model_card import render_card
from yardstick.embedded.recipes import RECIPES
from yardstick.embedded.record import read_record
from yardstick.embedded.suite_guard import SuiteGuard
from yardstick.embedded.tokenizer import END_OF_TEXT, END_OF_TEXT_ID

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "workflow" / "resources" / "embedded"
FOLDERS = {name: SHIPPED / name for name in RECIPES}
FILES = {
    "README.md",
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "training.json",
}

each_model = pytest.mark.parametrize("name", sorted(RECIPES))


@cache
def shipped(name: str) -> tuple[Any, Tokenizer]:
    return load(FOLDERS[name])


# ------------------------------------------------------------------------------------------------------ shipped files


def test_only_the_expected_files_ship_and_they_are_small() -> None:
    paths = [path for path in SHIPPED.rglob("*") if path.is_file()]
    assert {path.relative_to(SHIPPED).parts for path in paths} == {(name, file) for name in RECIPES for file in FILES}
    assert sum(path.stat().st_size for path in paths) < 4_000_000


@each_model
def test_record_and_card_are_about_the_shipped_weights(name: str) -> None:
    folder, record = FOLDERS[name], read_record(FOLDERS[name])
    model, _ = shipped(name)
    assert record["weights_sha256"] == hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert record["parameters"] == sum(weight.numel() for weight in model.parameters())
    assert record["recipe"] == asdict(RECIPES[name])
    assert (folder / "README.md").read_text(encoding="utf-8") == render_card(record)


@each_model
def test_no_path_of_the_training_machine_is_in_the_files(name: str) -> None:
    for path in FOLDERS[name].iterdir():
        content = path.read_bytes()
        assert not any(root in content for root in (str(ROOT).encode(), b"/home/", b"/root/", b"/tmp/", b"/Users/")), (
            path
        )


@each_model
def test_weights_are_half_precision(name: str) -> None:
    header = (FOLDERS[name] / "model.safetensors").read_bytes()
    size = int.from_bytes(header[:8], "little")
    tensors = json.loads(header[8 : 8 + size])
    assert {value["dtype"] for key, value in tensors.items() if key != "__metadata__"} == {"F16"}


# ---------------------------------------------------------------------------------------------------------- tokenizer


@given(text=st.text(max_size=40))
@pytest.mark.parametrize("name", sorted(RECIPES))
def test_tokenizer_gives_back_any_text(name: str, text: str) -> None:
    _, tokenizer = shipped(name)
    if END_OF_TEXT not in text:
        assert tokenizer.decode(tokenizer.encode(text).ids) == text


@each_model
def test_chat_template_is_the_wrapper_that_was_trained(name: str, guard: SuiteGuard) -> None:
    tokenizer = AutoTokenizer.from_pretrained(FOLDERS[name], local_files_only=True)
    chats = [example for example in training_examples(4, 60, guard) if example.prompt.startswith("User: ")]
    assert chats
    for example in chats:
        messages = [{"role": "user", "content": example.item.question}]
        assert tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True) == example.prompt
    answered = [*messages, {"role": "assistant", "content": "Yes."}]
    text = tokenizer.apply_chat_template([*answered, *messages], tokenize=False, add_generation_prompt=True)
    assert text == f"{example.prompt} Yes.{END_OF_TEXT}\n{example.prompt}"
    assert tokenizer.eos_token_id == tokenizer.pad_token_id == END_OF_TEXT_ID


@each_model
def test_transformers_and_tokenizers_read_the_same_tokens(name: str, guard: SuiteGuard) -> None:
    tokenizer = AutoTokenizer.from_pretrained(FOLDERS[name], local_files_only=True)
    _, plain = shipped(name)
    for example in training_examples(8, 200, guard):
        assert tokenizer(example.prompt)["input_ids"] == plain.encode(example.prompt).ids


# ------------------------------------------------------------------------------------------------------------- answers


def complete(name: str) -> Callable[[str], str]:
    """Return greedy generation with the defaults of transformers and of the shipped files."""
    tokenizer = AutoTokenizer.from_pretrained(FOLDERS[name], local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(FOLDERS[name], dtype=torch.float32, local_files_only=True).eval()

    def generate(prompt: str) -> str:
        tokens = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
        output = model.generate(**tokens, max_new_tokens=40)[0, tokens["input_ids"].shape[1] :]
        assert output[-1] == END_OF_TEXT_ID, f"{prompt!r} was not ended"
        return str(tokenizer.decode(output, skip_special_tokens=True))

    return generate


@each_model
def test_generation_is_greedy_ends_by_itself_and_agrees_with_the_evaluation(name: str, guard: SuiteGuard) -> None:
    rng = Random(1)
    examples = [wrap(rng, item) for item in unique_items(11, 60, guard, held_out=True)]
    model, tokenizer = shipped(name)
    exact = answered_exactly(model, tokenizer, examples)
    generate = complete(name)
    assert [generate(example.prompt) == example.completion for example in examples] == exact
    assert any(exact)
    assert not all(exact)


@cache
def held_out_items() -> list[Item]:
    return select_items(SuiteGuard.from_file(ROOT / "config" / "suites" / "reasoning.yaml"), held_out=True)


@cache
def held_out_scores(name: str) -> dict[str, Score]:
    return score(*shipped(name), held_out_items())


@pytest.mark.parametrize("family", list(FAMILIES))
def test_base_solves_more_held_out_questions_than_mini(family: str) -> None:
    base, mini = held_out_scores("yardstick-base")[family], held_out_scores("yardstick-mini")[family]
    assert base.asked == mini.asked >= 400
    assert base.correct > mini.correct


@each_model
def test_record_holds_the_accuracies_that_the_weights_have(name: str) -> None:
    recorded = read_record(FOLDERS[name])["evaluation"]["held_out"]
    measured = held_out_scores(name)
    assert list(measured) == list(recorded)
    for label, found in measured.items():
        assert found.asked == recorded[label]["asked"]
        # Another CPU rounds otherwise and may tip a few answers.
        assert found.correct == pytest.approx(recorded[label]["correct"], abs=0.03 * found.asked + 1), label
