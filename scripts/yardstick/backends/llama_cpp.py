"""Run GGUF models in process with llama.cpp, through the library llama-cpp-python."""

from __future__ import annotations

import ctypes
import faulthandler
import itertools
import os
import re
import struct
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yardstick.backends.base import Completion, Engine, ReportedMemory, TimedCompletion
from yardstick.errors import YardstickError

_MIB = 1 << 20
_BUFFER = re.compile(r"(\S+) +(\w+) buffer size = +([0-9.]+) MiB")
_ACCELERATOR = re.compile(r"(CUDA|ROCm|MTL|Metal)\d*(_Mapped)?")
# Numbers of enum ggml_type, not all of which the library names.
_CACHE_TYPES = {None: None, "float32": 0, "float16": 1, "bfloat16": 30}
_LONGEST_TOKEN = 4096
_BUILDS = {"cuda": "-DGGML_CUDA=on", "mps": "-DGGML_METAL=on"}


@dataclass(frozen=True)
class _Buffer:
    """Memory that llama.cpp sets aside: on which device, for what, and how much."""

    device: str
    kind: str
    size: int


class _Log:
    """What llama.cpp says, kept off the terminal: the sizes of its buffers, and why something failed."""

    _ERROR = 4

    def __init__(self, library: Any) -> None:
        self.buffers: list[_Buffer] = []
        self.errors: list[str] = []
        # Must live as long as the library may call it.
        self._callback = library.llama_log_callback(self._keep)
        library.llama_log_set(self._callback, ctypes.c_void_p(0))

    def clear(self) -> None:
        self.buffers, self.errors = [], []

    def _keep(self, level: int, text: bytes, _data: Any) -> None:
        line = text.decode(errors="replace").strip()
        if match := _BUFFER.search(line):
            self.buffers.append(_Buffer(match[1], match[2], round(float(match[3]) * _MIB)))
        if level == self._ERROR:
            # Without the name of the function before it.
            self.errors.append(line.partition(": ")[2] or line)


# The library has one place for a listener.
_logs: list[_Log] = []


class LlamaCppEngine(Engine):
    """A GGUF file in this process, one sequence at a time."""

    most_in_flight = 1
    _model: Any = None
    _buffers: Sequence[_Buffer] = ()

    def prepare(self) -> None:
        """Import the library and run a throwaway model, so that loading costs only the model."""
        spec = self.spec
        try:
            import llama_cpp
        except (ImportError, OSError, RuntimeError) as error:
            raise YardstickError(
                f"{spec.name}: llama-cpp-python cannot be imported ({_one_line(error)}); "
                "install it as docs/backends-llama-cpp.md says"
            ) from error
        self._library: Any = llama_cpp
        if not _logs:
            _logs.append(_Log(llama_cpp))
        self._log = _logs[0]
        if spec.device != "cpu" and not llama_cpp.llama_supports_gpu_offload():
            raise YardstickError(
                f"{spec.name}: this llama.cpp is built without {spec.device}; set device: cpu, or install it anew with "
                f"CMAKE_ARGS={_BUILDS[spec.device]} (docs/backends-llama-cpp.md)"
            )
        self._exercise()

    def load(self) -> None:
        """Load the file into memory, and set the cache for the whole context aside."""
        spec = self.spec
        if spec.path is None or not spec.path.is_file():
            raise YardstickError(f"{spec.name}: {spec.path} is no file; name one GGUF file in source")
        self._log.clear()
        try:
            self._model = self._open(spec.path, spec.context_length)
        except Exception as error:
            reason = self._log.errors[0] if self._log.errors else _one_line(error)
            raise YardstickError(
                f"{spec.name}: the model cannot be loaded ({reason}); check its file, context_length and the memory"
            ) from error
        self._buffers = self._log.buffers

    def tokenize(self, text: str) -> list[int]:
        """Return the ids of a prompt's tokens, special tokens that the model's file asks for included."""
        return self._tokenize(text, add_special=True)

    def render_chat(self, question: str) -> str:
        """Return a question in the chat template of the model's file."""
        name, template = self.spec.name, self._model.metadata.get("tokenizer.chat_template")
        if not template:
            raise YardstickError(f"{name}: has no chat template; set chat_template: false in config/models.yaml")
        from llama_cpp.llama_chat_format import Jinja2ChatFormatter

        beginning, end = (self._text(token) for token in (self._model.token_bos(), self._model.token_eos()))
        messages: list[Any] = [{"role": "user", "content": question}]
        try:
            formatter = Jinja2ChatFormatter(template, eos_token=end, bos_token=beginning)
            return str(formatter(messages=messages).prompt)
        except Exception as error:
            raise YardstickError(
                f"{name}: its chat template fails ({_one_line(error)}); set chat_template: false in config/models.yaml"
            ) from error

    def answer(self, prompts: Sequence[str], max_new_tokens: int, *, is_rendered: bool) -> list[Completion]:
        """Answer prompts one after another."""
        return [self._answer(self._tokenize(prompt, add_special=not is_rendered), max_new_tokens) for prompt in prompts]

    def generate(self, prompt: str, new_tokens: int) -> Completion:
        """Decode exactly ``new_tokens`` tokens."""
        return self.stream(prompt, new_tokens).completion

    def stream(self, prompt: str, new_tokens: int) -> TimedCompletion:
        """Decode exactly ``new_tokens`` tokens and note when each arrives."""
        library, context = self._library, self._model.ctx
        library.llama_perf_context_reset(context)
        start_s = time.perf_counter()
        prompt_ids = self.tokenize(prompt)
        ids, times_s = [], []
        for token in self._decode(prompt_ids, new_tokens):
            times_s.append(time.perf_counter())
            ids.append(token)
        spent = library.llama_perf_context(context)
        completion = self._completion(prompt_ids, ids, is_ended=False)
        return TimedCompletion(completion, start_s, tuple(times_s), spent.t_p_eval_ms / 1000, spent.t_eval_ms / 1000)

    def stream_together(self, prompts: Sequence[str], new_tokens: int) -> list[TimedCompletion]:
        """Decode one prompt: the library's model holds a single sequence."""
        return [self.stream(prompt, new_tokens) for prompt in prompts]

    def process_ids(self) -> list[int]:
        """Return this process: the model lives in it."""
        return [os.getpid()]

    def versions(self) -> dict[str, str]:
        """Return the version of the library, and what its llama.cpp was built to use."""
        features = re.findall(r"(\w+) = 1", self._library.llama_print_system_info().decode())
        return {"llama-cpp-python": self._library.__version__, "features": " ".join(features)}

    def accelerator_bytes(self) -> int:
        """Return the bytes that llama.cpp has allocated on the accelerator: weights, cache and scratch buffers."""
        return sum(buffer.size for buffer in self._buffers if _ACCELERATOR.fullmatch(buffer.device))

    def accelerator_peak_bytes(self) -> int:
        """Return the same: all is allocated while loading."""
        return self.accelerator_bytes()

    def reported_memory(self) -> ReportedMemory:
        """Return the size of the weights and of the cache for the whole context, which the model needs to be run."""
        return ReportedMemory(sum(buffer.size for buffer in self._buffers if buffer.kind in ("model", "KV", "RS")))

    def close(self) -> None:
        """Free the model."""
        if self._model is not None:
            self._model.close()
            self._model = None
            self._buffers = ()

    def _open(self, path: Path, context_length: int) -> Any:
        spec, library = self.spec, self._library
        is_offloaded = spec.device != "cpu"
        cache_type = _CACHE_TYPES[spec.dtype]
        return library.Llama(
            str(path),
            n_ctx=context_length,
            n_threads=spec.threads,
            n_threads_batch=spec.threads,
            n_gpu_layers=-1 if is_offloaded else 0,
            offload_kqv=is_offloaded,
            op_offload=is_offloaded,
            type_k=cache_type,
            type_v=cache_type,
            # Mapped pages come and go as the system likes, so no one could say how much memory the model takes.
            use_mmap=False,
            seed=1,
            verbose=False,
        )

    def _tokenize(self, text: str, *, add_special: bool) -> list[int]:
        ids: list[int] = self._model.tokenize(text.encode(), add_bos=add_special, special=True)
        return ids

    def _decode(self, prompt_ids: list[int], new_tokens: int) -> Iterator[int]:
        """Yield the likeliest tokens, each computed when it is asked for."""
        if len(prompt_ids) + new_tokens > self.spec.context_length:
            raise YardstickError(
                f"{self.spec.name}: a prompt of {len(prompt_ids)} tokens and {new_tokens} new ones exceed the context "
                f"of {self.spec.context_length}; shorten the prompt or max_new_tokens in config/config.yaml"
            )
        # Otherwise the library keeps what it computed of the last prompt, as far as this one begins alike.
        self._model.reset()
        try:
            yield from itertools.islice(self._model.generate(prompt_ids, temp=0.0, repeat_penalty=1.0), new_tokens)
        except RuntimeError as error:
            raise YardstickError(
                f"{self.spec.name}: llama.cpp gives up ({_one_line(error)}); look whether memory ran out, or take a "
                "smaller context_length"
            ) from error

    def _answer(self, prompt_ids: list[int], max_new_tokens: int) -> Completion:
        ids = []
        for token in self._decode(prompt_ids, max_new_tokens):
            ids.append(token)
            if self._library.llama_vocab_is_eog(self._model._model.vocab, token):
                return self._completion(prompt_ids, ids, is_ended=True)
        return self._completion(prompt_ids, ids, is_ended=False)

    def _completion(self, prompt_ids: list[int], ids: list[int], *, is_ended: bool) -> Completion:
        text = b"".join(map(self._piece, ids)).decode(errors="replace")
        return Completion(text, len(ids), len(prompt_ids), "stop" if is_ended else "length", tuple(ids))

    def _piece(self, token: int) -> bytes:
        """Return the text of a token, nothing for a special one; the library's own way cuts off after 32 bytes."""
        buffer = ctypes.create_string_buffer(_LONGEST_TOKEN)
        vocabulary = self._model._model.vocab
        size = self._library.llama_token_to_piece(vocabulary, token, buffer, _LONGEST_TOKEN, 0, False)
        return buffer.raw[: max(0, size)]

    def _text(self, token: int) -> str:
        return str(self._model._model.token_get_text(token)) if token >= 0 else ""

    def _exercise(self) -> None:
        """Load and run a throwaway model, so that paging in library code is not taken for a model's own size or time."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.gguf")
            path.write_bytes(_throwaway_model())
            # Some compilers spoil the code for AMX, see the page of this backend: that ends the process.
            if b"AMX_INT8 = 1" in self._library.llama_print_system_info() and not _survives(lambda: self._try(path)):
                raise YardstickError(
                    f"{self.spec.name}: this build of llama.cpp crashes on quantised weights; install it anew without AMX "
                    "as docs/backends-llama-cpp.md says"
                )
            self._try(path)

    def _try(self, path: Path) -> None:
        self._model = self._open(path, context_length=256)
        list(self._decode(self.tokenize("a b"), 4))
        self.close()


def _survives(action: Callable[[], None]) -> bool:
    """Tell whether a forked process comes through something alive."""
    child = os.fork()
    if child == 0:
        faulthandler.disable()
        try:
            action()
        finally:
            os._exit(0)
    return os.WIFEXITED(os.waitpid(child, 0)[1])


def _throwaway_model() -> bytes:
    """Return a GGUF file of a few kilobytes: one layer, four tokens, all weights zero, matrices in q8_0."""
    settings: dict[str, Any] = {
        "general.architecture": "llama",
        "llama.context_length": 256,
        "llama.embedding_length": 64,
        "llama.block_count": 1,
        "llama.feed_forward_length": 64,
        "llama.attention.head_count": 1,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": ["a", "b", "ab", "Ċ"],
        "tokenizer.ggml.merges": ["a b"],
    }
    shapes: dict[str, tuple[int, ...]] = {"token_embd": (64, 4), "output_norm": (64,)}
    shapes |= {f"blk.0.{name}_norm": (64,) for name in ("attn", "ffn")}
    shapes |= {f"blk.0.attn_{name}": (64, 64) for name in ("q", "k", "v", "output")}
    shapes |= {f"blk.0.ffn_{name}": (64, 64) for name in ("gate", "up", "down")}
    return _gguf(settings, shapes)


def _gguf(settings: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> bytes:
    """Return a GGUF file, version 3: settings, and tensors of zeros, vectors in f32 and matrices in q8_0."""
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(shapes), len(settings))
    head += b"".join(_string(key) + _value(value) for key, value in settings.items())
    offset = 0
    for name, shape in shapes.items():
        kind, size = (0, 4 * shape[0]) if len(shape) == 1 else (8, 34 * shape[0] * shape[1] // 32)
        head += _string(f"{name}.weight") + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
        offset += size + -size % 32
    return head + bytes(-len(head) % 32 + offset)


def _value(value: Any) -> bytes:
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + _string(value)
    return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(_string, value))


def _string(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."
