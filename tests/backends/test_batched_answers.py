"""Batches of the Transformers engine give what one prompt alone gives through the library's own loop, in every family."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
import torch
import transformers
from working_copy import ROOT
from yardstick.backends import prefill
from yardstick.backends.base import ModelSpec
from yardstick.backends.transformers import TransformersEngine

TOKENIZER = ROOT / "workflow/resources/embedded/yardstick-base"
SMALL = {"vocab_size": 1024, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
IDS = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
WIDE = {**SMALL, "intermediate_size": 96, "num_key_value_heads": 2, "head_dim": 16, **IDS}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("Llama", WIDE),
    "gpt2": ("GPT2", {"vocab_size": 1024, "n_embd": 64, "n_layer": 2, "n_head": 4, **IDS}),
    # Windows shorter than the prompts.
    "mistral": ("Mistral", {**WIDE, "sliding_window": 8}),
    "gemma2": ("Gemma2", {**WIDE, "sliding_window": 8}),
    "qwen2": ("Qwen2", {key: value for key, value in WIDE.items() if key != "head_dim"}),
    "opt": ("OPT", {**SMALL, "ffn_dim": 96, "word_embed_proj_dim": 64, "max_position_embeddings": 256, **IDS}),
    "bloom": ("Bloom", {"vocab_size": 1024, "hidden_size": 64, "n_layer": 2, "n_head": 4, **IDS}),
    # These prepare their inputs in a way of their own, and the last keeps no keys and values.
    "phi3": ("Phi3", {**{key: value for key, value in WIDE.items() if key != "head_dim"}}),
    "mamba": ("Mamba", {"vocab_size": 1024, "hidden_size": 64, "num_hidden_layers": 2, "state_size": 8, **IDS}),
}
PROMPTS = [
    "The river rises in the hills north of the town, and runs past the old mill.",
    "Bake",
    "What is 17 plus 26?",
] * 2
NEW = 24


@pytest.fixture(scope="module", params=FAMILIES)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TransformersEngine:
    name, settings = FAMILIES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    torch.manual_seed(5)
    model = transformers.AutoModelForCausalLM.from_config(getattr(transformers, f"{name}Config")(**settings))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                # Far apart, so that no rounding decides which token is likeliest.
                parameter.mul_(6)
    model.save_pretrained(folder)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(TOKENIZER / file, folder / file)
    found = TransformersEngine(ModelSpec(request.param, folder, "float32", "cpu", 256, threads=1))
    found.prepare()
    found.load()
    return found


def by_the_library(engine: TransformersEngine, prompt: str) -> list[int]:
    inputs = engine._tokenizer(prompt, return_tensors="pt")
    settings = transformers.GenerationConfig(max_new_tokens=NEW, do_sample=False, eos_token_id=0, pad_token_id=0)
    output = engine._model.generate(
        inputs["input_ids"], attention_mask=inputs["attention_mask"], generation_config=settings
    )
    return [int(token) for token in output[0, inputs["input_ids"].shape[1] :]]


@pytest.fixture(params=[4096, 24], ids=["at once", "in parts"])
def _parts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefill, "_MOST_TOKENS", request.param)


@pytest.mark.usefixtures("_parts")
def test_a_batch_decodes_the_tokens_of_each_prompt_alone(engine: TransformersEngine) -> None:
    found = engine.answer(PROMPTS, NEW, is_rendered=False)
    for prompt, completion in zip(PROMPTS, found, strict=True):
        assert list(completion.token_ids) == by_the_library(engine, prompt)
        assert completion.prompt_tokens == len(engine.tokenize(prompt))


def test_long_answers_that_are_put_aside_are_those_of_each_prompt_alone(engine: TransformersEngine) -> None:
    prompts = sorted(PROMPTS * 6, key=lambda prompt: -len(prompt))
    alone = {prompt: engine.answer([prompt], NEW, is_rendered=False)[0] for prompt in PROMPTS}
    # Ends at different places, so that rows leave one by one.
    stops = [(alone[prompt].text[2 + number % 9 :][:1] or "~",) for number, prompt in enumerate(prompts)]
    found = dict(
        pair
        for ended in engine.answer_each(prompts, NEW, stops, is_rendered=False, take=lambda number: 8 + number % 2)
        for pair in ended
    )
    assert sorted(found) == list(range(len(prompts)))
    for number, prompt in enumerate(prompts):
        (one,) = engine.answer_until([prompt], NEW, [stops[number]], is_rendered=False)
        assert found[number] == one
        assert found[number].token_ids == alone[prompt].token_ids[: found[number].output_tokens]


def test_an_answer_ends_at_its_own_text_whatever_its_neighbours(engine: TransformersEngine) -> None:
    whole = engine.answer(PROMPTS, NEW, is_rendered=False)
    # A letter of each answer, further and further back; the first has no text to end at.
    stops = [(completion.text[place],) if completion.text[place:] else () for place, completion in enumerate(whole)]
    stops[0] = ()
    found = engine.answer_until(PROMPTS, NEW, stops, is_rendered=False)
    assert found[0] == whole[0]
    for completion, before, stop in zip(found, whole, stops, strict=True):
        assert before.text.startswith(completion.text.rstrip("\N{REPLACEMENT CHARACTER}"))
        if stop and completion.text != before.text:
            assert stop[0] in completion.text
            one_less = engine._tokenizer.decode(completion.token_ids[:-1], skip_special_tokens=True)
            assert stop[0] not in one_less


@pytest.mark.usefixtures("_parts")
def test_likelihoods_are_those_of_each_choice_with_its_prompt(engine: TransformersEngine) -> None:
    choices = [(" a", " the old mill and the sea", " forty miles"), (" b c d",), (" 43", " 4")] * 2
    found = engine.likelihoods(PROMPTS, choices, is_rendered=False)
    for prompt, of_prompt, likelihoods in zip(PROMPTS, choices, found, strict=True):
        assert likelihoods.prompt_tokens == len(engine.tokenize(prompt))
        for choice, value, is_greedy in zip(of_prompt, likelihoods.log_likelihoods, likelihoods.is_greedy, strict=True):
            ids, start = engine.tokenize(prompt + choice), len(engine.tokenize(prompt))
            with torch.inference_mode():
                logits = engine._model(torch.tensor([ids])).logits[0, start - 1 : -1].log_softmax(-1)
            wanted = torch.tensor(ids[start:])
            assert value == pytest.approx(float(logits.gather(-1, wanted[:, None]).sum()), abs=1e-3)
            assert is_greedy == bool((logits.argmax(-1) == wanted).all())


def test_a_greedy_continuation_is_told_as_such(engine: TransformersEngine) -> None:
    prompt = "What is 17 plus 26?"
    text = engine.answer([prompt], 3, is_rendered=False)[0].text
    if engine.tokenize(prompt + text)[len(engine.tokenize(prompt)) :] != by_the_library(engine, prompt)[:3]:
        pytest.skip("this text has other tokens than were decoded")
    (found,) = engine.likelihoods([prompt], [(text, " another")], is_rendered=False)
    assert found.is_greedy == (True, False)
