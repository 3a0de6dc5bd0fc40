"""A fake Ollama server: the native API as its documents and source have it.

Sources: github.com/ollama/ollama, docs/api.md, api/types.go, server/routes.go, llm/llama_server.go (2026).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from servers.fake_server import Exchange, FakeServer
from servers.schedule import Chunk, Plan

_NDJSON = "application/x-ndjson"
_CREATED = "2026-01-01T00:00:00.000000Z"
_VRAM_CONTEXT = 4096
# What the server logs and drops beyond these is a mistake of the client's (api/types.go, Options.FromMap).
OPTIONS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("num_predict", "num_ctx", "seed", "top_k", "repeat_last_n", "num_keep", "num_batch"), int),
    **dict.fromkeys(("num_gpu", "main_gpu", "num_thread", "draft_num_predict"), int),
    **dict.fromkeys(("temperature", "top_p", "min_p", "typical_p", "repeat_penalty"), (int, float)),
    **dict.fromkeys(("presence_penalty", "frequency_penalty"), (int, float)),
    "use_mmap": bool,
    "stop": list,
}
BUSY = "server busy, please try again.  maximum pending requests exceeded"


@dataclass
class OllamaModel:
    """A model in the server or in the library that it pulls from."""

    name: str
    size: int = 4_000_000

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.name.encode()).hexdigest()

    def record(self) -> dict[str, Any]:
        details = {"parent_model": "", "format": "gguf", "family": "llama", "families": ["llama"]}
        return {
            "name": self.name,
            "model": self.name,
            "size": self.size,
            "digest": self.digest,
            "details": {**details, "parameter_size": "7.2B", "quantization_level": "Q4_0"},
        }


class FakeOllama(FakeServer):
    """Ollama. Its cache of prompts is always on.

    Attributes:
        library: models that can be pulled.
        pull_steps: progress records of a whole pull.
        thinking: tokens of an answer that are thoughts.
        thinks_anyway: whether the model thinks though it is told not to.
        counts_cached: whether cached tokens are in ``prompt_eval_count``; older servers counted new ones alone.
        repeat_limit: equal chunks after which an answer is dropped without a last record.
        tells_repeats: whether that is told as an error, as servers do from 0.34.1 on, whose limit is 100 (pull request 18374).
        loaded: context length of the loaded model, None while it is not loaded.
    """

    kind = "ollama"
    version = "0.33.3"

    def __init__(
        self,
        *,
        model: str = "tiny:latest",
        library: tuple[str, ...] = (),
        thinking: int = 0,
        thinks_anyway: bool = False,
        counts_cached: bool = True,
        repeat_limit: int = 30,
        tells_repeats: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__(model=model, **settings)
        self.models = [OllamaModel(model)] if model else []
        self.library = {name: OllamaModel(name) for name in library}
        self.pull_steps = 4
        self.thinking = thinking
        self.thinks_anyway = thinks_anyway
        self.counts_cached = counts_cached
        self.repeat_limit = repeat_limit
        self.tells_repeats = tells_repeats
        self.loaded: int | None = None
        self._pulled: dict[str, int] = {}

    def routes(self) -> dict[tuple[str, str], Callable[[Exchange], None]]:
        return {
            ("GET", "/api/version"): lambda exchange: exchange.answer({"version": self.version}),
            ("GET", "/api/tags"): self._tags,
            ("GET", "/api/ps"): self._ps,
            ("POST", "/api/show"): self._show,
            ("POST", "/api/generate"): self._generate,
            ("POST", "/api/chat"): self._generate,
            ("POST", "/api/pull"): self._pull,
        }

    def error_body(self, status: int, message: str) -> Any:
        return {"error": message}

    def error_event(self, message: str) -> bytes | None:
        return _line({"error": message})

    def not_found(self, exchange: Exchange) -> None:
        exchange.answer("404 page not found", 404, "text/plain")

    def _tags(self, exchange: Exchange) -> None:
        exchange.answer({"models": [{**model.record(), "modified_at": _CREATED} for model in self.models]})

    def _ps(self, exchange: Exchange) -> None:
        loaded = {"expires_at": _CREATED, "context_length": self.loaded}
        models = [] if self.loaded is None else [{**m.record(), "size_vram": m.size, **loaded} for m in self.models[:1]]
        exchange.answer({"models": models})

    def _show(self, exchange: Exchange) -> None:
        body = exchange.seen.body or {}
        model = self._found(body.get("model") or body.get("name") or "")
        if model is None:
            exchange.answer({"error": f"model '{body.get('model')}' not found"}, 404)
            return
        information = {
            "general.architecture": "llama",
            "general.parameter_count": 7_248_023_552,
            "llama.context_length": 32768,
        }
        exchange.answer(
            {
                "template": "{{ .Prompt }}",
                "details": model.record()["details"],
                "model_info": information,
                "capabilities": ["completion", *(["thinking"] if self.thinking else [])],
            }
        )

    def _found(self, name: str) -> OllamaModel | None:
        whole = name if ":" in name else f"{name}:latest"
        return next((model for model in self.models if model.name.lower() == whole.lower()), None)

    def _generate(self, exchange: Exchange) -> None:
        body, is_chat = exchange.seen.body, exchange.seen.path == "/api/chat"
        if refusal := self._refusal(body, is_chat=is_chat):
            status, message = refusal
            exchange.answer({"error": message}, status)
            return
        options = body.get("options") or {}
        asks_nothing = not (body.get("messages") if is_chat else body.get("prompt"))
        if asks_nothing and body.get("keep_alive") == 0:
            self.loaded = None
            self.forget_prompts()
            self._answer_nothing(exchange, "unload", is_chat=is_chat)
            return
        self._load(options.get("num_ctx", _VRAM_CONTEXT))
        if asks_nothing:
            self._answer_nothing(exchange, "load", is_chat=is_chat)
            return
        prompt = self._prompt(body, is_chat=is_chat)
        if len(prompt) >= (self.loaded or 0) and body.get("truncate") is False:
            reason = f"request ({len(prompt)} tokens) exceeds the available context size ({self.loaded} tokens)"
            exchange.answer({"error": f"{reason}, try increasing it"}, 400)
            return
        self._answer(exchange, self._planned(prompt, options), is_chat=is_chat)

    def _refusal(self, body: Any, *, is_chat: bool) -> tuple[int, str] | None:
        if not isinstance(body, dict):
            return 400, "invalid character in request body"
        request = "Chat" if is_chat else "Generate"
        for key in ("raw", "stream"):
            if not isinstance(body.get(key, False), bool):
                return 400, f"json: cannot unmarshal string into Go struct field {request}Request.{key} of type bool"
        if self._found(str(body.get("model", ""))) is None:
            return 404, f"model '{body.get('model', '')}' not found"
        if body.get("raw") and any(body.get(key) for key in ("template", "system", "context")):
            return 400, "raw mode does not support template, system, or context"
        if body.get("think") and not self.thinking:
            return 400, f'"{body["model"]}" does not support thinking'
        for name, value in (body.get("options") or {}).items():
            if not isinstance(value, OPTIONS.get(name, object)):
                return 400, f'option "{name}" must be of another type'
        return None

    def _load(self, context_length: int) -> None:
        if self.loaded != context_length:
            self.loaded = context_length
            self.forget_prompts()

    def _answer_nothing(self, exchange: Exchange, reason: str, *, is_chat: bool) -> None:
        text = {"message": {"role": "assistant", "content": ""}} if is_chat else {"response": ""}
        exchange.answer(self._record(exchange, {**text, "done": True, "done_reason": reason}))

    def _prompt(self, body: dict[str, Any], *, is_chat: bool) -> list[int]:
        text = " ".join(m["content"] for m in body["messages"]) if is_chat else body["prompt"]
        return self.scripted.tokenize(text if body.get("raw") else f"<user> {text} <assistant>")

    def _planned(self, prompt: list[int], options: dict[str, Any]) -> Plan:
        limit = self.loaded or 0
        if len(prompt) >= limit:
            # A prompt that is too long loses its middle, silently (contextShiftPromptLimit).
            keep, length = 4, limit - max((limit - 4) // 2, 1)
            prompt = prompt[:keep] + prompt[len(prompt) - length + keep :]
        asked, room = options.get("num_predict", -1), 10 * limit
        return self.plan(prompt, min(asked, room) if asked >= 0 else room, can_end=True, caches=True)

    def _answer(self, exchange: Exchange, plan: Plan, *, is_chat: bool) -> None:
        think = exchange.seen.body.get("think")
        thoughts = self.thinking if self.thinks_anyway or think is not False else 0
        last = self._record(exchange, self._last(exchange, plan, is_chat=is_chat))
        if exchange.seen.body.get("stream") is False:
            self.sit_out(exchange, plan)
            if exchange.has_fault("error"):
                exchange.answer({"error": exchange.fault.message if exchange.fault else ""}, 500)
                return
            text = {"message": {"role": "assistant", "content": plan.text}} if is_chat else {"response": plan.text}
            exchange.answer({**last, **text})
            return
        plan, is_dropped = self._until_repeats(plan)
        done_s = iter(range(len(plan.chunks)))

        def event(chunk: Chunk, _: bool) -> bytes:
            is_thought = next(done_s) < thoughts
            # Only text makes a record: a token without any is silent.
            return _line(self._record(exchange, _piece(chunk.text, is_thought, is_chat))) if chunk.text else b""

        if self.play(exchange, plan, _NDJSON, event):
            if is_dropped and self.tells_repeats:
                exchange.send(_line({"error": "prediction aborted, token repeat limit reached"}))
            elif not is_dropped:
                exchange.send(_line(last))
            exchange.end()

    def _until_repeats(self, plan: Plan) -> tuple[Plan, bool]:
        """Return the part of an answer before the server gives up on equal tokens, and whether it does."""
        last, repeats = "", 0
        for place, chunk in enumerate(plan.chunks):
            repeats = repeats + 1 if chunk.text.strip() == last else 0
            last = chunk.text.strip()
            if repeats > self.repeat_limit:
                return Plan(plan.prompt, plan.cached, plan.chunks[:place], plan.is_cut), True
        return plan, False

    def _record(self, exchange: Exchange, content: dict[str, Any]) -> dict[str, Any]:
        return {"model": exchange.seen.body["model"], "created_at": _CREATED, **content}

    def _last(self, exchange: Exchange, plan: Plan, *, is_chat: bool) -> dict[str, Any]:
        prefill_ns, decode_ns = round(plan.prefill_s * 1e9), round(plan.decode_s * 1e9)
        new = len(plan.prompt) - plan.cached
        counts = {
            "total_duration": prefill_ns + decode_ns,
            "prompt_eval_count": len(plan.prompt) if self.counts_cached else new,
            "prompt_eval_duration": prefill_ns,
            "eval_count": len(plan.ids),
            "eval_duration": decode_ns,
        }
        if exchange.has_fault("no_usage"):
            counts = {}
        text: dict[str, Any] = {"message": {"role": "assistant", "content": ""}} if is_chat else {"response": ""}
        if not is_chat and not exchange.seen.body.get("raw"):
            text["context"] = [*plan.prompt, *plan.ids]
        reason = "length" if plan.is_cut else "stop"
        # Go's omitempty: a zero is left out.
        return {**text, "done": True, "done_reason": reason, **{key: count for key, count in counts.items() if count}}

    def _pull(self, exchange: Exchange) -> None:
        name = exchange.seen.body.get("model") or exchange.seen.body.get("name")
        model = self.library.get(name)
        records: list[dict[str, Any]] = [{"status": "pulling manifest"}]
        if model is None:
            records.append({"error": "pull model manifest: file does not exist"})
        else:
            records += self._progress(model)
            records += [{"status": text} for text in ("verifying sha256 digest", "writing manifest", "success")]
        if exchange.seen.body.get("stream") is False:
            exchange.answer(records[-1], 500 if model is None else 200)
            is_whole = True
        else:
            is_whole = self._send_pull(exchange, records, model)
        if model is not None and is_whole:
            self.models.append(model)

    def _progress(self, model: OllamaModel) -> list[dict[str, Any]]:
        """Return the records from where an earlier pull stopped."""
        layer = {"status": f"pulling {model.digest[:12]}", "digest": f"sha256:{model.digest}", "total": model.size}
        start = self._pulled.get(model.name, 0)
        sizes = [model.size * step // self.pull_steps for step in range(start, self.pull_steps + 1)]
        return [{**layer, **({"completed": size} if size else {})} for size in sizes]

    def _send_pull(self, exchange: Exchange, records: list[dict[str, Any]], model: OllamaModel | None) -> bool:
        """Send the records of a pull and return whether it was whole."""
        exchange.begin(_NDJSON)
        fault = exchange.fault
        for place, record in enumerate(records):
            if fault is not None and exchange.has_fault("cut", "error", "end") and fault.after == place:
                if fault.kind == "cut":
                    exchange.cut()
                if fault.kind == "error":
                    exchange.send(_line({"error": fault.message}))
                exchange.end()
                return False
            if model is not None and "completed" in record:
                self._pulled[model.name] = record["completed"] * self.pull_steps // model.size
            exchange.send(_line(record))
        exchange.end()
        return True


def _piece(text: str, is_thought: bool, is_chat: bool) -> dict[str, Any]:
    shown = {"thinking": text} if is_thought else {}
    said = "" if is_thought else text
    if is_chat:
        return {"message": {"role": "assistant", "content": said, **shown}, "done": False}
    return {"response": said, **shown, "done": False}


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode() + b"\n"
