"""Run models in process with Hugging Face Transformers on PyTorch."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from yardstick.backends.base import Completion, Engine, Likelihoods, TimedCompletion
from yardstick.backends.greedy_decoding import Decoder
from yardstick.backends.likelihoods import log_likelihoods
from yardstick.backends.stop_texts import StopTexts
from yardstick.errors import YardstickError


def import_libraries() -> tuple[Any, Any]:
    """Import all that loading and decoding need, no model's own module; return PyTorch and Transformers."""
    import torch
    import transformers
    import transformers.generation.utils
    import transformers.modeling_utils
    import transformers.models.auto.modeling_auto
    import transformers.tokenization_utils_tokenizers
    from transformers.conversion_mapping import get_checkpoint_conversion_mapping

    # Otherwise this table of a thousand patterns is built by the first load.
    get_checkpoint_conversion_mapping("llama")
    return torch, transformers


def _write_throwaway_model(folder: Path, transformers: Any) -> None:
    """Write a random model of a few kilobytes with a tokenizer of three words."""
    import tokenizers

    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "b": 1, "c": 2}, unk_token="a"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(tokenizer_object=words).save_pretrained(folder)
    sizes = {"vocab_size": 8, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 1, "num_key_value_heads": 1}
    transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes, **heads)).save_pretrained(folder)


class _Clock:
    """A streamer for `generate` that notes when each token arrives."""

    def __init__(self) -> None:
        self.token_times_s: list[float] = []
        self._saw_prompt = False

    def put(self, _tokens: Any) -> None:
        # The tokens are on the processor by now: copying them there waited for the device.
        now = time.perf_counter()
        if self._saw_prompt:
            self.token_times_s.append(now)
        self._saw_prompt = True

    def end(self) -> None:
        return


class TransformersEngine(Engine):
    """A causal language model in this process."""

    answers_together = True

    def prepare(self) -> None:
        """Import libraries and the model's own module, so that loading costs only the model."""
        self._torch, self._transformers = import_libraries()
        self._torch.set_num_threads(self.spec.threads)
        self._transformers.logging.set_verbosity_error()
        self._transformers.logging.disable_progress_bar()
        mapping = self._transformers.models.auto.modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING
        config = self._configuration()
        if type(config) in mapping:
            mapping[type(config)]
        self._exercise()

    def load(self) -> None:
        """Load tokenizer and weights; safetensors only unless the registry allows pickle."""
        spec = self.spec
        if spec.device == "cuda":
            self._torch.cuda.reset_peak_memory_stats()
        try:
            self._tokenizer, self._model = self._open(spec.path)
        except Exception as error:
            raise YardstickError(
                f"{spec.name}: the model cannot be loaded ({_one_line(error)}); check its files, source and dtype"
            ) from error
        self._end_ids = _as_ids(self._model.generation_config.eos_token_id)
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        self._tokenizer.padding_side = "left"
        # The model's own settings may sample or penalise repetition: decoding here is greedy for all models.
        self._model.generation_config = self._transformers.GenerationConfig()

    def tokenize(self, text: str) -> list[int]:
        """Return the ids of a prompt's tokens, special tokens that the tokenizer adds included."""
        ids: list[int] = self._tokenizer(text)["input_ids"]
        return ids

    def render_chat(self, question: str) -> str:
        """Return a question in the tokenizer's chat template."""
        if not self._tokenizer.chat_template:
            raise YardstickError(
                f"{self.spec.name}: has no chat template; set chat_template: false in config/models.yaml"
            )
        messages = [{"role": "user", "content": question}]
        text: str = self._tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        return text

    def answer(self, prompts: Sequence[str], max_new_tokens: int, *, is_rendered: bool) -> list[Completion]:
        """Answer prompts in one batch, padded on the left."""
        return self.answer_until(prompts, max_new_tokens, [()] * len(prompts), is_rendered=is_rendered)

    def answer_until(
        self, prompts: Sequence[str], max_new_tokens: int, stops: Sequence[Sequence[str]], *, is_rendered: bool
    ) -> list[Completion]:
        """Answer prompts in one batch, each until one of its texts."""
        together = self.answer_each(
            prompts, max_new_tokens, stops, is_rendered=is_rendered, take=lambda _: len(prompts)
        )
        found = dict(pair for ended in together for pair in ended)
        return [found[number] for number in range(len(prompts))]

    def answer_each(
        self,
        prompts: Sequence[str],
        max_new_tokens: int,
        stops: Sequence[Sequence[str]],
        *,
        is_rendered: bool,
        take: Callable[[int], int],
    ) -> Iterator[list[tuple[int, Completion]]]:
        """Answer prompts in batches whose long answers do not hold up the others."""
        given = self._tokenizer(list(prompts), add_special_tokens=not is_rendered)["input_ids"]
        self._check_length(max(map(len, given)), max_new_tokens)
        decoder = Decoder(
            self._torch,
            self._model,
            given,
            max_new_tokens,
            end_ids=self._end_ids,
            until=StopTexts(self._torch, self._tokenizer, stops),
            take=take,
            device=self.spec.device,
            pad=self._tokenizer.pad_token_id or 0,
        )
        if decoder.start():
            for ended in decoder.steps():
                yield [(row, self._completion(decoder.found[row], len(given[row]))) for row in ended]
            return
        start = 0
        while start < len(given):
            chunk = given[start : start + take(start)]
            inputs = self._tokenizer.pad({"input_ids": chunk}, return_tensors="pt")
            output = self._generate(inputs, max_new_tokens, end_ids=self._end_ids).tolist()
            yield [
                (start + row, self._completion(new, len(ids)))
                for row, (new, ids) in enumerate(zip(output, chunk, strict=True))
            ]
            start += len(chunk)

    def sample(
        self, prompt: str, max_new_tokens: int, *, count: int, temperature: float, seed: int, is_rendered: bool
    ) -> list[Completion]:
        """Draw answers in one batch, from the whole distribution."""
        inputs = self._tokenizer([prompt] * count, return_tensors="pt", add_special_tokens=not is_rendered)
        self._check_length(inputs["input_ids"].shape[1], max_new_tokens)
        self._torch.manual_seed(seed)
        drawing = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
        output = self._generate(inputs, max_new_tokens, end_ids=self._end_ids, **drawing)
        return [self._completion(ids, inputs["input_ids"].shape[1]) for ids in output.tolist()]

    def likelihoods(
        self, prompts: Sequence[str], choices: Sequence[Sequence[str]], *, is_rendered: bool
    ) -> list[Likelihoods]:
        """Score the choices in one batch; blanks between prompt and choice belong to the choice, as in other tools."""
        asked = [self._prefixed(*pair, is_rendered=is_rendered) for pair in zip(prompts, choices, strict=True)]
        self._check_length(max(len(prefix) + max(map(len, rests)) for prefix, rests in asked), 0)
        found = log_likelihoods(
            self._torch, self._model, asked, device=self.spec.device, pad=self._tokenizer.pad_token_id or 0
        )
        return [
            Likelihoods(tuple(total for total, _ in of_prompt), tuple(greedy for _, greedy in of_prompt), len(prefix))
            for of_prompt, (prefix, _) in zip(found, asked, strict=True)
        ]

    def generate(self, prompt: str, new_tokens: int) -> Completion:
        """Decode exactly ``new_tokens`` tokens."""
        inputs = self._inputs([prompt], new_tokens)
        output = self._generate(inputs, new_tokens, end_ids=[])
        return self._of_fixed_length(inputs, output)[0]

    def stream(self, prompt: str, new_tokens: int) -> TimedCompletion:
        """Decode exactly ``new_tokens`` tokens and note when each arrives."""
        return self.stream_together([prompt], new_tokens)[0]

    def stream_together(self, prompts: Sequence[str], new_tokens: int) -> list[TimedCompletion]:
        """Decode prompts as one batch; each step yields one token of each, at the same time."""
        clock = _Clock()
        start_s = time.perf_counter()
        inputs = self._inputs(prompts, new_tokens)
        output = self._generate(inputs, new_tokens, end_ids=[], streamer=clock)
        times_s = tuple(clock.token_times_s)
        return [TimedCompletion(done, start_s, times_s) for done in self._of_fixed_length(inputs, output)]

    def process_ids(self) -> list[int]:
        """Return this process: the model lives in it."""
        return [os.getpid()]

    def versions(self) -> dict[str, str]:
        """Return the versions of PyTorch and Transformers, and of CUDA where it computes."""
        versions = {"torch": self._torch.__version__, "transformers": self._transformers.__version__}
        return versions | ({"cuda": self._torch.version.cuda} if self.spec.device == "cuda" else {})

    def accelerator_bytes(self) -> int:
        """Return the bytes that PyTorch has allocated on the accelerator."""
        if self.spec.device == "cuda":
            return int(self._torch.cuda.memory_allocated())
        if self.spec.device == "mps":
            return int(self._torch.mps.current_allocated_memory())
        return 0

    def accelerator_peak_bytes(self) -> int:
        """Return the most bytes that PyTorch had allocated; on MPS, which keeps no peak, what it holds of the driver."""
        if self.spec.device == "cuda":
            return int(self._torch.cuda.max_memory_allocated())
        if self.spec.device == "mps":
            return int(self._torch.mps.driver_allocated_memory())
        return 0

    def close(self) -> None:
        """Forget the model."""
        self._model = self._tokenizer = None

    def _prefixed(self, prompt: str, choices: Sequence[str], *, is_rendered: bool) -> tuple[list[int], list[list[int]]]:
        """Return the ids of a prompt and of each choice behind it, as lm-evaluation-harness divides them."""
        special = {"add_special_tokens": not is_rendered}
        context = prompt.rstrip()
        blanks = prompt[len(context) :]
        prefix: list[int] = self._tokenizer(context, **special)["input_ids"] if context else []
        whole = self._tokenizer([context + blanks + choice for choice in choices], **special)["input_ids"]
        rests = [ids[len(prefix) :] or ids[-1:] for ids in whole]
        if prefix:
            return prefix, rests
        # The first token of all has nothing before it but the mark of a beginning or an end.
        mark = self._tokenizer.bos_token_id
        mark = self._end_ids[0] if mark is None and self._end_ids else mark or 0
        return [mark], [ids[1:] if ids[0] == mark and len(ids) > 1 else ids for ids in rests]

    def _open(self, folder: Path | None) -> tuple[Any, Any]:
        """Return the tokenizer and the model in a folder, the model on the device."""
        spec, transformers = self.spec, self._transformers
        options = {"local_files_only": True, "trust_remote_code": spec.allow_remote_code}
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **options)
        model, found = transformers.AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=getattr(self._torch, spec.dtype or "float32"),
            use_safetensors=None if spec.allow_pickle else True,
            output_loading_info=True,
            **options,
        )
        # Transformers fills what is missing with random numbers and merely warns.
        if missing := sorted(found["missing_keys"]):
            raise ValueError(f"the weights lack {len(missing)} tensors, the first of them {missing[0]}")
        return tokenizer, model.to(spec.device).eval()

    def _exercise(self) -> None:
        """Load and run a throwaway model, so that paging in library code is not taken for a model's own size or time."""
        with tempfile.TemporaryDirectory() as folder:
            _write_throwaway_model(Path(folder), self._transformers)
            tokenizer, model = self._open(Path(folder))
        settings = self._transformers.GenerationConfig(max_new_tokens=4, pad_token_id=0)
        with self._torch.inference_mode():
            model.generate(**tokenizer("a b c", return_tensors="pt").to(self.spec.device), generation_config=settings)

    def _configuration(self) -> Any:
        try:
            return self._transformers.AutoConfig.from_pretrained(
                self.spec.path, local_files_only=True, trust_remote_code=self.spec.allow_remote_code
            )
        except Exception as error:
            raise YardstickError(
                f"{self.spec.name}: config.json cannot be read ({_one_line(error)}); check the model's files and source"
            ) from error

    def _inputs(self, prompts: Sequence[str], new_tokens: int) -> Any:
        inputs = self._tokenizer(list(prompts), return_tensors="pt", padding=len(prompts) > 1)
        self._check_length(inputs["input_ids"].shape[1], new_tokens)
        return inputs

    def _of_fixed_length(self, inputs: Any, output: Any) -> list[Completion]:
        """Return completions that went on past the end of text."""
        rows, counts = output.tolist(), inputs["attention_mask"].sum(dim=1).tolist()
        texts = self._tokenizer.batch_decode(rows, skip_special_tokens=True)
        return [
            Completion(text, len(ids), count, "length", tuple(ids))
            for text, ids, count in zip(texts, rows, counts, strict=True)
        ]

    def _check_length(self, prompt_tokens: int, new_tokens: int) -> None:
        if prompt_tokens + new_tokens > self.spec.context_length:
            raise YardstickError(
                f"{self.spec.name}: a prompt of {prompt_tokens} tokens and {new_tokens} new ones exceed the context of "
                f"{self.spec.context_length}; shorten the prompt or max_new_tokens in config/config.yaml"
            )

    def _generate(
        self, inputs: Any, new_tokens: int, *, end_ids: list[int], streamer: Any = None, **drawing: Any
    ) -> Any:
        """Return the ids of the new tokens, one row per prompt."""
        settings = self._transformers.GenerationConfig(
            max_new_tokens=new_tokens,
            **(drawing or {"do_sample": False}),
            eos_token_id=end_ids or None,
            pad_token_id=self._tokenizer.pad_token_id,
        )
        ids = inputs["input_ids"].to(self.spec.device)
        mask = inputs["attention_mask"].to(self.spec.device)
        with self._torch.inference_mode():
            output = self._model.generate(ids, attention_mask=mask, generation_config=settings, streamer=streamer)
        return output[:, ids.shape[1] :]

    def _completion(self, ids: list[int], prompt_tokens: int) -> Completion:
        """Cut padding behind the model's end of text, which counts as a new token."""
        end = next((place for place, token in enumerate(ids) if token in self._end_ids), None)
        kept = ids if end is None else ids[: end + 1]
        text = self._tokenizer.decode(kept, skip_special_tokens=True)
        return Completion(text, len(kept), prompt_tokens, "length" if end is None else "stop", tuple(kept))


def _as_ids(eos_token_id: int | list[int] | None) -> list[int]:
    if eos_token_id is None:
        return []
    return list(eos_token_id) if isinstance(eos_token_id, list) else [eos_token_id]


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."
