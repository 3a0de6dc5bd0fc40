"""The Transformers engine on the models that are shipped."""

from __future__ import annotations

import importlib.metadata
import itertools
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from working_copy import ROOT
from yardstick.backends.base import Completion, ModelSpec
from yardstick.backends.transformers import TransformersEngine
from yardstick.errors import YardstickError
from yardstick.suites.suite import load_suite

EMBEDDED = ROOT / "workflow/resources/embedded"
MINI = EMBEDDED / "yardstick-mini"
SUITE = load_suite(ROOT / "config/suites/reasoning.yaml")
PROMPTS = [SUITE.base_prompt.replace("{question}", task.question) for task in SUITE.tasks]
PROMPT = PROMPTS[0]


def opened(folder: Path, **changes: Any) -> TransformersEngine:
    settings: dict[str, Any] = {"name": "tiny", "path": folder, "dtype": "float32", "device": "cpu"}
    settings |= {"context_length": 512, "threads": 1, "allow_remote_code": False, "allow_pickle": False}
    return TransformersEngine(ModelSpec(**{**settings, **changes}))


def loaded(folder: Path, **changes: Any) -> TransformersEngine:
    engine = opened(folder, **changes)
    engine.prepare()
    engine.load()
    return engine


@pytest.fixture(scope="module", params=["yardstick-mini", "yardstick-base"])
def engine(request: pytest.FixtureRequest) -> Iterator[TransformersEngine]:
    folder = EMBEDDED / request.param
    if not (folder / "model.safetensors").exists():
        pytest.skip("is not there")
    engine = loaded(folder)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def mini() -> Iterator[TransformersEngine]:
    engine = loaded(MINI)
    yield engine
    engine.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the smallest model, to be spoilt."""
    return Path(shutil.copytree(MINI, tmp_path / "model"))


def edit(file: Path, **changes: object) -> None:
    content = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**content, **changes}))


def plain_tokens(folder: Path, prompt: str, new_tokens: int) -> tuple[int, ...]:
    """Decode greedily, one forward pass over everything for each token."""
    import torch
    import transformers

    ids = transformers.AutoTokenizer.from_pretrained(folder)(prompt, return_tensors="pt")["input_ids"]
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    length = ids.shape[1]
    with torch.inference_mode():
        for _ in range(new_tokens):
            ids = torch.cat([ids, model(ids).logits[:, -1].argmax(dim=-1, keepdim=True)], dim=1)
    return tuple(ids[0, length:].tolist())


def test_answers_of_a_padded_batch_are_those_one_by_one(engine: TransformersEngine) -> None:
    together = engine.answer(PROMPTS, SUITE.max_new_tokens, is_rendered=False)
    alone = [engine.answer([prompt], SUITE.max_new_tokens, is_rendered=False)[0] for prompt in PROMPTS]
    assert together == alone


def test_an_answer_ends_with_the_models_end_of_text_or_at_the_limit(engine: TransformersEngine) -> None:
    long, short = (engine.answer(PROMPTS, limit, is_rendered=False) for limit in (SUITE.max_new_tokens, 1))
    assert all(answer.finish == "stop" or len(answer.token_ids) == SUITE.max_new_tokens for answer in long)
    assert [answer.token_ids for answer in short] == [answer.token_ids[:1] for answer in long]
    assert any(answer.finish == "stop" for answer in long)


def test_tokens_are_those_of_a_plain_greedy_loop(engine: TransformersEngine) -> None:
    assert engine.generate(PROMPT, 20).token_ids == plain_tokens(engine.spec.path, PROMPT, 20)


def test_generating_goes_on_behind_the_end_of_text(engine: TransformersEngine) -> None:
    answer = next(
        answer
        for answer in engine.answer(PROMPTS, SUITE.max_new_tokens, is_rendered=False)
        if answer.finish == "stop" and len(answer.token_ids) < SUITE.max_new_tokens
    )
    place = [completion.token_ids for completion in engine.answer(PROMPTS, 32, is_rendered=False)].index(
        answer.token_ids
    )
    generated = engine.generate(PROMPTS[place], len(answer.token_ids) + 10)
    assert len(generated.token_ids) == len(answer.token_ids) + 10
    assert generated.token_ids[: len(answer.token_ids)] == answer.token_ids


@pytest.mark.parametrize("new_tokens", [1, 2, 17])
def test_exactly_the_asked_number_of_tokens_comes(new_tokens: int, mini: TransformersEngine) -> None:
    assert len(mini.generate(PROMPT, new_tokens).token_ids) == new_tokens
    assert len(mini.stream(PROMPT, new_tokens).completion.token_ids) == new_tokens


def test_streaming_gives_the_tokens_of_generating_with_a_time_each(engine: TransformersEngine) -> None:
    streamed, generated = engine.stream(PROMPT, 12), engine.generate(PROMPT, 12)
    assert streamed.completion == generated
    assert len(streamed.token_times_s) == 12
    assert all(before < after for before, after in itertools.pairwise([streamed.start_s, *streamed.token_times_s]))


def test_a_batch_streams_the_tokens_of_each_prompt_alone(engine: TransformersEngine) -> None:
    together = engine.stream_together(PROMPTS[:4], 12)
    assert [timed.completion for timed in together] == [engine.generate(prompt, 12) for prompt in PROMPTS[:4]]
    assert len({timed.token_times_s for timed in together}) == 1


def test_tokenizing_counts_as_a_prompt_does(engine: TransformersEngine) -> None:
    assert [len(engine.tokenize(prompt)) for prompt in PROMPTS] == [
        completion.prompt_tokens for completion in engine.answer(PROMPTS, 1, is_rendered=False)
    ]


def test_versions_are_those_of_the_libraries(mini: TransformersEngine) -> None:
    assert mini.versions() == {name: importlib.metadata.version(name) for name in ("torch", "transformers")}


def test_the_same_request_gives_the_same_completion(mini: TransformersEngine) -> None:
    assert mini.generate(PROMPT, 10) == mini.generate(PROMPT, 10)


def test_a_second_engine_gives_the_same_tokens(mini: TransformersEngine) -> None:
    assert loaded(MINI).generate(PROMPT, 10) == mini.generate(PROMPT, 10)


SAMPLING = {"do_sample": True, "temperature": 5.0, "top_k": 3, "repetition_penalty": 3.0, "max_length": 5}
SAMPLING |= {"no_repeat_ngram_size": 2, "num_beams": 3, "min_new_tokens": 30, "bad_words_ids": [[20]]}


def test_the_models_own_settings_for_generation_are_ignored(folder: Path, mini: TransformersEngine) -> None:
    edit(folder / "generation_config.json", **SAMPLING)
    engine = loaded(folder)
    assert engine.generate(PROMPT, 20) == mini.generate(PROMPT, 20)
    assert engine.stream(PROMPT, 20).completion.token_ids == mini.stream(PROMPT, 20).completion.token_ids
    assert engine.answer(PROMPTS, 20, is_rendered=False) == mini.answer(PROMPTS, 20, is_rendered=False)


def test_several_ends_of_text_each_end_an_answer(folder: Path, mini: TransformersEngine) -> None:
    first = mini.generate(PROMPT, 3).token_ids
    edit(folder / "generation_config.json", eos_token_id=[0, first[1]])
    (answer,) = loaded(folder).answer([PROMPT], 3, is_rendered=False)
    assert (answer.token_ids, answer.finish) == (first[: first.index(first[1]) + 1], "stop")


def test_a_prompt_and_its_answer_must_fit_the_context(folder: Path) -> None:
    engine = loaded(folder, context_length=30)
    fits = 30 - engine.generate(PROMPT, 1).prompt_tokens
    assert len(engine.generate(PROMPT, fits).token_ids) == fits
    for request in (engine.generate, engine.stream):
        with pytest.raises(
            YardstickError, match=r"^tiny: a prompt of \d+ tokens and \d+ new ones exceed the context of 30;"
        ):
            request(PROMPT, fits + 1)
    with pytest.raises(YardstickError, match=r"exceed the context of 30; shorten the prompt"):
        engine.answer([PROMPT, PROMPT * 5], 1, is_rendered=False)


def test_a_model_without_a_chat_template_says_so(folder: Path) -> None:
    edit(folder / "tokenizer_config.json", chat_template=None)
    engine = loaded(folder)
    with pytest.raises(
        YardstickError, match=r"^tiny: has no chat template; set chat_template: false in config/models\.yaml$"
    ):
        engine.render_chat("Hello")


def test_a_chat_template_puts_the_question_and_opens_the_answer(folder: Path) -> None:
    template = (
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<bot>{% endif %}"
    )
    edit(folder / "tokenizer_config.json", chat_template=template)
    assert loaded(folder).render_chat("What is 1 + 1?") == "<user>What is 1 + 1?<bot>"


def test_the_model_lives_in_this_process_and_on_no_accelerator(mini: TransformersEngine) -> None:
    assert (mini.process_ids(), mini.accelerator_bytes(), mini.accelerator_peak_bytes()) == ([os.getpid()], 0, 0)


def test_another_number_format_is_loaded(folder: Path) -> None:
    completion = loaded(folder, dtype="bfloat16").generate(PROMPT, 3)
    assert isinstance(completion, Completion)
    assert len(completion.token_ids) == 3


def refusal(folder: Path, **changes: Any) -> str:
    with pytest.raises(YardstickError) as raised:
        loaded(folder, **changes)
    line = str(raised.value)
    assert line.startswith("tiny: ")
    assert len(line.splitlines()) == 1
    assert len(line) < 400
    return line


def test_a_folder_without_weights_cannot_be_loaded(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    assert "the model cannot be loaded (" in refusal(folder)


def test_weights_that_are_cut_cannot_be_loaded(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    assert "the model cannot be loaded (" in refusal(folder)


def test_pickled_weights_are_loaded_only_where_the_registry_allows_them(folder: Path, mini: TransformersEngine) -> None:
    import torch
    from safetensors.torch import load_file

    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert "the model cannot be loaded (" in refusal(folder)
    assert loaded(folder, allow_pickle=True).generate(PROMPT, 5) == mini.generate(PROMPT, 5)


def test_weights_that_miss_a_tensor_are_not_filled_with_chance(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    tensors.pop(sorted(tensors)[-1])
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    assert "the weights lack 1 tensors, the first of them model.norm.weight" in refusal(folder)


def test_code_beside_the_weights_is_not_run(folder: Path) -> None:
    ran = folder / "ran"
    (folder / "own.py").write_text(f"from pathlib import Path\nPath({str(ran)!r}).touch()\nclass C: pass\n")
    edit(folder / "config.json", model_type="own", auto_map={"AutoConfig": "own.C", "AutoModelForCausalLM": "own.C"})
    assert "config.json cannot be read (" in refusal(folder)
    assert not ran.exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"model_type": "unknown-to-all"}'])
def test_a_spoilt_configuration_is_one_line(content: str, folder: Path) -> None:
    (folder / "config.json").write_text(content)
    assert "check" in refusal(folder)


@pytest.mark.parametrize("content", ["", "{}"])
def test_a_spoilt_tokenizer_is_one_line(content: str, folder: Path) -> None:
    (folder / "tokenizer.json").write_text(content)
    assert "the model cannot be loaded (" in refusal(folder)
