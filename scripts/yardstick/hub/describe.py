"""Describe a hub repository as a registry entry: what its listing, card and settings say of the model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from huggingface_hub import HfApi, constants, get_session, hf_hub_url, hf_raise_for_status, logging
from huggingface_hub.errors import NotASafetensorsRepoError, SafetensorsParsingError
from huggingface_hub.utils import build_hf_headers, disable_progress_bars  # type: ignore[attr-defined]

from yardstick.errors import YardstickError
from yardstick.hub.faults import explained, patiently
from yardstick.hub.listing import ask
from yardstick.hub.progress import Console
from yardstick.hub.selection import needed_files

_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
_DTYPES = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}
_CONTEXT_FIELDS = (
    "max_position_embeddings",
    "n_positions",
    "max_sequence_length",
    "max_seq_len",
    "seq_length",
    "n_ctx",
    "model_max_length",
)
_LONGEST_CONTEXT = 10_000_000
_OVERHEAD_MB = 500
_SPARE = 1.2


@dataclass(frozen=True)
class Wishes:
    """What the user states; None leaves a field to the repository.

    Attributes:
        tier: tier of the entry.
        revision: branch, tag or commit; None is the default branch.
        parameters: number of parameters, for repositories whose count the hub does not know.
        allow_pickle: accept pickled weights.
        allow_remote_code: accept that loading runs the repository's own Python code.
    """

    tier: str
    id: str | None = None
    revision: str | None = None
    dtype: str | None = None
    device: str | None = None
    description: str | None = None
    license: str | None = None
    context_length: int | None = None
    parameters: int | None = None
    allow_pickle: bool = False
    allow_remote_code: bool = False


def describe(repo: str, wishes: Wishes, console: Console) -> dict[str, Any]:
    """Return the registry entry of a repository, pinned to the commit that ``wishes.revision`` is at now.

    Raises:
        YardstickError: the hub, the repository or a missing statement, in one line with the remedy.
    """
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    disable_progress_bars()
    revision = wishes.revision or constants.DEFAULT_REVISION
    with explained(repo, revision):
        try:
            return _Description(repo, revision, wishes, console).entry()
        except YardstickError as error:
            raise YardstickError(f"{repo}: {error}") from None


def read_config(repo: str, commit: str) -> dict[str, Any]:
    """Return the content of a repository's `config.json`; nothing is cached.

    Raises:
        YardstickError: the hub or the repository, in one line with the remedy.
    """
    with explained(repo, commit):
        content = _read(repo, commit, "config.json")
    return content if isinstance(content, dict) else {}


def memory_mb(parameters: int, dtype: str) -> int:
    """Estimate the memory that a model needs, in MB (1e6 bytes): its weights, a fifth to spare, and 500 MB."""
    return round(parameters * _BYTES.get(dtype, 4) * _SPARE / 1e6) + _OVERHEAD_MB


class _Description:
    """What is known of one repository at one commit."""

    def __init__(self, repo: str, revision: str, wishes: Wishes, console: Console) -> None:
        self._repo = repo
        self._wishes = wishes
        self._say = console.say
        self._info = patiently(lambda: ask(repo, revision), say=console.say)
        self._commit = self._info.sha or revision
        self._names = {sibling.rfilename for sibling in self._info.siblings or []}

    def entry(self) -> dict[str, Any]:
        wishes = self._wishes
        needed_files(self._names, allow_pickle=wishes.allow_pickle, allow_remote_code=wishes.allow_remote_code)
        config = self._json("config.json")
        if "auto_map" in config and not wishes.allow_remote_code:
            self._say("note: the repository has Python code of its own, which stays unused (--allow-remote-code)")
        parameters = wishes.parameters or self._parameters()
        dtype = wishes.dtype or self._dtype(config)
        return {
            "id": wishes.id or default_id(self._repo),
            "tier": wishes.tier,
            "backend": "transformers",
            "source": {"hub": self._repo, "revision": self._commit},
            "dtype": dtype,
            **_quantization(config),
            "device": wishes.device or "cpu",
            "context_length": wishes.context_length or self._context_length(config),
            "chat_template": self._has_chat_template(),
            "parameters": parameters,
            "license": wishes.license or self._license(),
            "description": wishes.description or self._description(config, parameters),
            "memory_mb": memory_mb(parameters, dtype),
            **({"allow_remote_code": True} if wishes.allow_remote_code else {}),
            **({"allow_pickle": True} if wishes.allow_pickle else {}),
        }

    def _json(self, name: str) -> dict[str, Any]:
        """Return a JSON file of the repository, empty where it is absent; nothing is cached."""
        if name not in self._names:
            return {}
        content = patiently(lambda: _read(self._repo, self._commit, name), say=self._say)
        if not isinstance(content, dict):
            raise YardstickError(f"its {name} is not a JSON object; register another repository")
        return content

    def _parameters(self) -> int:
        if self._info.safetensors is not None:
            return self._info.safetensors.total
        try:
            metadata = HfApi().get_safetensors_metadata(self._repo, revision=self._commit)
        except (NotASafetensorsRepoError, SafetensorsParsingError):
            raise YardstickError("states no number of parameters; give it with --parameters") from None
        return sum(metadata.parameter_count.values())

    def _dtype(self, config: Mapping[str, Any]) -> str:
        stated = _field(config, ("dtype", "torch_dtype"))
        if isinstance(stated, str):
            return stated.removeprefix("torch.")
        counts = self._info.safetensors.parameters if self._info.safetensors else {}
        most = max(counts, key=lambda kind: counts[kind], default="")
        if most not in _DTYPES:
            raise YardstickError("states no dtype; give it with --dtype float32, bfloat16 or float16")
        return _DTYPES[most]

    def _context_length(self, config: Mapping[str, Any]) -> int:
        stated = _field(config, _CONTEXT_FIELDS)
        if not isinstance(stated, int):
            stated = self._json("tokenizer_config.json").get("model_max_length")
        # Tokenizers without a limit state a huge number.
        if not isinstance(stated, int) or not 0 < stated <= _LONGEST_CONTEXT:
            raise YardstickError("states no context length; give it with --context-length")
        return stated

    def _has_chat_template(self) -> bool:
        if self._names & {"chat_template.jinja", "chat_template.json"}:
            return True
        return bool(self._json("tokenizer_config.json").get("chat_template"))

    def _license(self) -> str:
        card = self._info.card_data
        stated: Any = card.get("license") if card else None
        if card and stated == "other":
            stated = card.get("license_name") or stated
        if isinstance(stated, list):
            stated = " or ".join(map(str, stated))
        if not stated:
            raise YardstickError("states no licence; give its identifier with --license")
        return str(stated)

    def _description(self, config: Mapping[str, Any], parameters: int) -> str:
        owner, _, name = self._repo.partition("/")
        family = str(config.get("model_type") or "causal language model")
        return f"{name} by {owner}, {_rounded(parameters)} parameters, {family} architecture."


def default_id(repo: str) -> str:
    """Return a registry id made of a repository's name, for example smollm2-135m-instruct."""
    name = repo.rpartition("/")[2].lower()
    return re.sub(r"[^a-z0-9]*([._-])[^a-z0-9]*|[^a-z0-9]+", lambda match: match[1] or "-", name).strip("._-")


def _read(repo: str, revision: str, name: str) -> Any:
    url = hf_hub_url(repo, name, revision=revision)
    response = get_session().get(url, headers=build_hf_headers(), timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT)
    hf_raise_for_status(response)
    return response.json()


def _field(config: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """Return the first of the fields that is set, also in the text part of a model of several kinds."""
    inner = config.get("text_config")
    parts = (config, inner if isinstance(inner, dict) else {})
    return next((part[name] for part in parts for name in names if part.get(name) is not None), None)


def _quantization(config: Mapping[str, Any]) -> dict[str, str]:
    settings = config.get("quantization_config") or {}
    method = settings.get("quant_method")
    if not method:
        return {}
    bits = settings.get("bits") or next((n for n in (4, 8) if settings.get(f"load_in_{n}bit")), None)
    return {"quantization": f"{method}-{bits}bit" if bits else str(method)}


def _rounded(count: int) -> str:
    for limit, unit in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if count >= limit:
            return f"{count / limit:.3g} {unit}"
    return str(count)
