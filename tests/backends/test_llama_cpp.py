"""The llama.cpp engine on the models that are shipped, converted to GGUF, beside the Transformers engine."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from working_copy import ROOT
from yardstick.backends.base import Completion, Engine, ModelSpec, ReportedMemory
from yardstick.backends.llama_cpp import LlamaCppEngine
from yardstick.backends.transformers import TransformersEngine
from yardstick.errors import YardstickError
from yardstick.suites.suite import load_suite

pytestmark = [
    pytest.mark.llama_cpp,
    pytest.mark.skipif(
        find_spec("llama_cpp") is None or find_spec("gguf") is None,
        reason="llama-cpp-python or gguf is not installed (docs/backends-llama-cpp.md)",
    ),
]

EMBEDDED = ROOT / "workflow/resources/embedded"
MODELS = ("yardstick-mini", "yardstick-base")
SUITE = load_suite(ROOT / "config/suites/reasoning.yaml")
QUESTIONS = [task.question for task in SUITE.tasks]
PROMPTS = [SUITE.base_prompt.replace("{question}", question) for question in QUESTIONS]
PROMPT = PROMPTS[0]
TRICKY = [
    "It's what they've said: we'll see, I'd say",
    "\tif x:\n\t\treturn 12345  # ½ of 6.02e23\n\n\n",
    "Ελληνικά, 漢字かな交じり文, naïve café, 🙂🙃👩‍👩‍👧",
    "one<|endoftext|>two  three   ",
]


@pytest.fixture(scope="session")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return the GGUF file of a model in a number format, converted once."""
    folder = tmp_path_factory.mktemp("gguf")

    def file(model: str = "yardstick-mini", number_format: str = "f32") -> Path:
        from yardstick.gguf_conversion import convert

        path = folder / f"{model}-{number_format}.gguf"
        if not path.exists():
            convert(EMBEDDED / model, path, number_format)
        return path

    return file


def opened(path: Path, **changes: Any) -> LlamaCppEngine:
    settings: dict[str, Any] = {"name": "tiny", "path": path, "dtype": "float32", "device": "cpu"}
    return LlamaCppEngine(ModelSpec(**{**settings, "context_length": 512, "threads": 1, **changes}))


def loaded(engine: Engine) -> Any:
    engine.prepare()
    engine.load()
    return engine


@pytest.fixture(scope="module", params=MODELS)
def pair(request: pytest.FixtureRequest, gguf: Callable[..., Path]) -> Iterator[tuple[LlamaCppEngine, Engine]]:
    """The same weights in both engines, in float32."""
    folder = EMBEDDED / request.param
    other = loaded(TransformersEngine(ModelSpec("tiny", folder, "float32", "cpu", 512, 1)))
    engine = loaded(opened(gguf(request.param)))
    yield engine, other
    engine.close()
    other.close()


@pytest.fixture(scope="module")
def mini(gguf: Callable[..., Path]) -> Iterator[LlamaCppEngine]:
    engine = loaded(opened(gguf()))
    yield engine
    engine.close()


# The same model as in Transformers


def test_greedy_tokens_are_those_of_transformers(pair: tuple[LlamaCppEngine, Engine]) -> None:
    engine, other = pair
    for prompt in [*PROMPTS, *TRICKY]:
        assert engine.tokenize(prompt) == other.tokenize(prompt)
        assert engine.generate(prompt, 48) == other.generate(prompt, 48)


def test_answers_are_those_of_transformers(pair: tuple[LlamaCppEngine, Engine]) -> None:
    engine, other = pair
    answers = engine.answer(PROMPTS, SUITE.max_new_tokens, is_rendered=False)
    assert answers == other.answer(PROMPTS, SUITE.max_new_tokens, is_rendered=False)
    assert any(answer.finish == "stop" for answer in answers)


def test_chat_answers_are_those_of_transformers(pair: tuple[LlamaCppEngine, Engine]) -> None:
    engine, other = pair
    rendered = [engine.render_chat(question) for question in QUESTIONS]
    assert rendered == [other.render_chat(question) for question in QUESTIONS]
    assert engine.answer(rendered, 24, is_rendered=True) == other.answer(rendered, 24, is_rendered=True)


# Lengths and times


@pytest.mark.parametrize("new_tokens", [1, 2, 17])
def test_exactly_the_asked_number_of_tokens_comes(new_tokens: int, mini: LlamaCppEngine) -> None:
    assert mini.generate(PROMPT, new_tokens).output_tokens == new_tokens
    streamed = mini.stream(PROMPT, new_tokens)
    assert streamed.completion == mini.generate(PROMPT, new_tokens)
    assert len(streamed.token_times_s) == new_tokens
    assert all(a < b for a, b in itertools.pairwise([streamed.start_s, *streamed.token_times_s]))


def test_generating_goes_on_behind_the_end_of_text(mini: LlamaCppEngine) -> None:
    answers = mini.answer(PROMPTS, 40, is_rendered=False)
    place, answer = next((place, answer) for place, answer in enumerate(answers) if answer.finish == "stop")
    generated = mini.generate(PROMPTS[place], answer.output_tokens + 10)
    assert generated.finish == "length"
    assert generated.output_tokens == answer.output_tokens + 10
    assert generated.token_ids[: answer.output_tokens] == answer.token_ids


def test_a_repeated_prompt_is_processed_anew(mini: LlamaCppEngine) -> None:
    count = len(mini.tokenize(PROMPT))
    for prompt in (PROMPT, PROMPT, f"{PROMPT} The"):
        mini.stream(prompt, 5)
        work = mini._library.llama_perf_context(mini._model.ctx)
        assert (work.n_p_eval, work.n_eval) == (len(mini.tokenize(prompt)), 4)
    assert len(mini.tokenize(f"{PROMPT} The")) > count


def test_the_engine_tells_how_long_prompt_and_tokens_took(mini: LlamaCppEngine) -> None:
    streamed = mini.stream(PROMPT, 20)
    assert streamed.engine_prefill_s is not None
    assert streamed.engine_decode_s is not None
    whole_s = streamed.token_times_s[-1] - streamed.start_s
    assert 0 < streamed.engine_prefill_s < whole_s
    assert 0 < streamed.engine_decode_s < whole_s


def test_several_prompts_are_refused_by_the_attribute_and_one_is_streamed(mini: LlamaCppEngine) -> None:
    assert mini.most_in_flight == 1
    (streamed,) = mini.stream_together([PROMPT], 8)
    assert streamed.completion == mini.generate(PROMPT, 8)


def test_a_prompt_and_its_answer_must_fit_the_context(gguf: Callable[..., Path]) -> None:
    engine = loaded(opened(gguf(), context_length=30))
    fits = 30 - len(engine.tokenize(PROMPT))
    assert engine.generate(PROMPT, fits).output_tokens == fits
    for request in (engine.generate, engine.stream):
        with pytest.raises(YardstickError, match=r"^tiny: a prompt of \d+ tokens and \d+ new ones exceed the context"):
            request(PROMPT, fits + 1)
    with pytest.raises(YardstickError, match=r"exceed the context of 30; shorten the prompt"):
        engine.answer([PROMPT * 5], 1, is_rendered=False)
    engine.close()


# Number formats and memory


def test_quantised_weights_load_and_answer(gguf: Callable[..., Path]) -> None:
    sizes: list[int] = []
    for number_format in ("q4_0", "q8_0", "f16", "f32"):
        engine = loaded(opened(gguf("yardstick-base", number_format), dtype=None))
        answers = engine.answer(PROMPTS, 24, is_rendered=False)
        assert all(answer.text.strip() for answer in answers)
        assert engine.generate(PROMPT, 24) == engine.generate(PROMPT, 24)
        sizes.append(engine.reported_memory().model_bytes)
        engine.close()
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize(("dtype", "size"), [(None, 2), ("float16", 2), ("bfloat16", 2), ("float32", 4)])
def test_dtype_is_the_format_of_the_cache(dtype: str | None, size: int, gguf: Callable[..., Path]) -> None:
    sizes = []
    for context_length in (256, 512):
        engine = loaded(opened(gguf("yardstick-base"), dtype=dtype, context_length=context_length))
        sizes.append(engine.reported_memory().model_bytes or 0)
        engine.close()
    # Keys and values of 4 layers of 128 numbers, for the other half of the context.
    assert sizes[1] - sizes[0] == pytest.approx(2 * 4 * 128 * 256 * size, rel=0.02)


def test_a_cache_in_half_precision_answers(gguf: Callable[..., Path]) -> None:
    engine = loaded(opened(gguf("yardstick-base"), dtype="bfloat16"))
    assert isinstance(engine.generate(PROMPT, 5), Completion)
    engine.close()


GROWTH = """
import ctypes, sys, psutil
from pathlib import Path
from yardstick.backends.base import ModelSpec
from yardstick.backends.llama_cpp import LlamaCppEngine
rss = psutil.Process().memory_info
engine = LlamaCppEngine(ModelSpec("tiny", Path(sys.argv[1]), None, "cpu", 512, 1))
engine.prepare()
before = rss().rss
for _ in range(5):
    engine.load()
    print(rss().rss - before)
    engine.generate("a b c", 5)
    engine.close()
    if sys.platform == "linux":
        ctypes.CDLL("libc.so.6").malloc_trim(0)
print(rss().rss - before)
"""


def test_loading_takes_what_the_model_has_and_closing_gives_it_back(gguf: Callable[..., Path]) -> None:
    path = gguf("yardstick-base")
    command = [sys.executable, "-c", GROWTH, str(path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
    output = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    *grown, left = map(int, output.split())
    size = path.stat().st_size
    assert all(size < growth < 4 * size for growth in grown), grown
    assert left < size / 2


def test_the_model_lives_in_this_process_and_on_no_accelerator(mini: LlamaCppEngine) -> None:
    assert mini.process_ids() == [os.getpid()]
    assert (mini.accelerator_bytes(), mini.accelerator_peak_bytes()) == (0, 0)
    assert mini.versions()["llama-cpp-python"][0].isdigit()


def test_buffers_on_an_accelerator_are_counted(gguf: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        "load_tensors:   CPU_Mapped model buffer size =   100.00 MiB",
        "load_tensors:        CUDA0 model buffer size =     4.50 MiB",
        "llama_context:  CUDA_Host  output buffer size =     0.50 MiB",
        "llama_kv_cache:      CUDA0 KV buffer size =     2.00 MiB",
        "sched_reserve:      CUDA0 compute buffer size =     1.25 MiB",
        "sched_reserve:  CUDA_Host compute buffer size =     9.00 MiB",
    ]
    engine = opened(gguf())
    engine.prepare()

    def say(*_: Any) -> None:
        for line in lines:
            engine._log._keep(2, line.encode(), None)

    monkeypatch.setattr(engine, "_open", say)
    engine.load()
    assert engine.accelerator_bytes() == int(7.75 * 2**20)
    assert engine.reported_memory() == ReportedMemory(int(106.5 * 2**20))


def test_a_failure_while_decoding_is_one_line(gguf: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    engine = loaded(opened(gguf()))

    def fail(_tokens: list[int]) -> None:
        raise RuntimeError("llama_decode returned -3")

    monkeypatch.setattr(engine._model, "eval", fail)
    with pytest.raises(YardstickError, match=r"^tiny: llama\.cpp gives up \(llama_decode returned -3\); look whether"):
        engine.generate(PROMPT, 3)
    engine.close()


def test_closing_is_harmless_at_any_time(gguf: Callable[..., Path]) -> None:
    engine = opened(gguf())
    engine.close()
    loaded(engine).close()
    assert engine._model is None
    engine.close()
    assert engine._model is None


# What a user can mend


def refusal(engine: LlamaCppEngine) -> str:
    with pytest.raises(YardstickError) as raised:
        loaded(engine)
    line = str(raised.value)
    assert line.startswith("tiny: ")
    assert len(line.splitlines()) == 1
    assert "; " in line
    return line


def spoilt(source: Path, folder: Path, change: Callable[[bytes], bytes]) -> Path:
    path = folder / "spoilt.gguf"
    path.write_bytes(change(source.read_bytes()))
    return path


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda content: b"", "failed to read magic"),
        (lambda content: b"no model, this", "invalid magic"),
        (lambda content: content[:-1000], "corrupted or incomplete"),
        (lambda content: content.replace(b"blk.0.attn_q", b"blk.0.attn_x"), "'blk.0.attn_q.weight' not found"),
        (lambda content: content.replace(b"smollm", b"smolln"), "unknown pre-tokenizer type"),
    ],
    ids=["empty", "junk", "cut", "tensor", "tokenizer"],
)
def test_a_spoilt_file_is_one_line(
    change: Callable[[bytes], bytes], reason: str, gguf: Callable[..., Path], tmp_path: Path
) -> None:
    line = refusal(opened(spoilt(gguf(), tmp_path, change)))
    assert "the model cannot be loaded (" in line
    assert reason in line


def test_a_folder_or_nothing_in_place_of_the_file_is_one_line(tmp_path: Path) -> None:
    assert "is no file; name one GGUF file" in refusal(opened(tmp_path))
    assert "is no file; name one GGUF file" in refusal(opened(tmp_path / "absent.gguf"))


def test_a_model_without_a_chat_template_says_so(gguf: Callable[..., Path], tmp_path: Path) -> None:
    path = spoilt(
        gguf(), tmp_path, lambda content: content.replace(b"tokenizer.chat_template", b"tokenizer.chat_templatf")
    )
    engine = loaded(opened(path))
    with pytest.raises(YardstickError, match=r"^tiny: has no chat template; set chat_template: false in"):
        engine.render_chat("Hello")
    engine.close()


def test_without_the_library_the_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    assert "llama-cpp-python cannot be imported (" in refusal(opened(tmp_path))


def test_a_device_that_the_library_was_not_built_for_is_one_line(
    gguf: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import llama_cpp

    monkeypatch.setattr(llama_cpp, "llama_supports_gpu_offload", lambda: False)
    assert "CMAKE_ARGS=-DGGML_CUDA=on" in refusal(opened(gguf(), device="cuda"))


def test_a_build_that_crashes_is_one_line(gguf: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    import llama_cpp

    def crash(_engine: LlamaCppEngine, _path: Path) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)

    monkeypatch.setattr(llama_cpp, "llama_print_system_info", lambda: b"CPU : AMX_INT8 = 1 | ")
    loaded(opened(gguf())).close()
    monkeypatch.setattr(LlamaCppEngine, "_try", crash)
    assert "crashes on quantised weights" in refusal(opened(gguf()))
