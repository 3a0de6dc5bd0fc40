"""The registry of models, `config/models.yaml`: its fields, their rules, and reading it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from yardstick.errors import YardstickError
from yardstick.validation import StrictModel, parse, read_yaml

Tier = Literal["ci_safe", "ci_borderline", "local_only"]
TIERS: tuple[Tier, ...] = ("ci_safe", "ci_borderline", "local_only")

MODEL_ID_PATTERN = r"^[a-z0-9]+([._-][a-z0-9]+)*$"


def _stays_inside(path: str) -> str:
    parts = Path(path).parts
    if Path(path).is_absolute() or ".." in parts:
        raise ValueError("the path leaves the repository; give a folder below the repository's root")
    return path


class HubSource(StrictModel):
    """Weights on the Hugging Face hub, at one immutable commit."""

    hub: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$",
        max_length=128,
        description="hub repository as owner/name, for example distilbert/distilgpt2",
    )
    revision: str = Field(
        pattern=r"^[0-9a-f]{40}$",
        description="full commit hash of the hub repository (40 hex digits; branches and tags move)",
    )
    file: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.gguf$",
        max_length=200,
        description="the one GGUF file of the repository that is taken, for backend llama_cpp",
    )


class LocalSource(StrictModel):
    """Weights in a folder, or in one GGUF file, below the repository's root; the content is hashed."""

    path: Annotated[str, AfterValidator(_stays_inside)] = Field(
        min_length=1, description="folder with the model's files, or one GGUF file, relative to the repository's root"
    )


class EmbeddedSource(StrictModel):
    """One of the tiny models that Yardstick ships."""

    embedded: str = Field(
        pattern=MODEL_ID_PATTERN,
        max_length=64,
        description="name of a folder in workflow/resources/embedded, for example yardstick-mini",
    )


class OllamaSource(StrictModel):
    """A model that an Ollama server holds."""

    ollama: str = Field(
        pattern=r"^[a-z0-9][A-Za-z0-9._/-]*:[A-Za-z0-9][A-Za-z0-9._-]*$",
        max_length=128,
        description="Ollama model and tag as name:tag, for example mistral:7b",
    )
    digest: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{12,64}$",
        description="the model's digest, or its first 12 digits as `ollama list` prints them; tags move, digests do not",
    )


class ServedSource(StrictModel):
    """A model that a running server has under a name; what its weights are, only its keeper knows."""

    served: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:@+-]*$",
        max_length=200,
        description="name of the model on the server, as its /v1/models lists it",
    )


_SOURCE_KINDS = ("hub", "path", "embedded", "ollama", "served")


def _source_kind(source: Any) -> str | None:
    for kind in _SOURCE_KINDS:
        if (isinstance(source, dict) and kind in source) or hasattr(source, kind):
            return f"{kind} source"
    return None


Source = Annotated[
    Annotated[HubSource, Tag("hub source")]
    | Annotated[LocalSource, Tag("path source")]
    | Annotated[EmbeddedSource, Tag("embedded source")]
    | Annotated[OllamaSource, Tag("ollama source")]
    | Annotated[ServedSource, Tag("served source")],
    Discriminator(
        _source_kind,
        custom_error_type="unknown_source",
        custom_error_message="name exactly one of hub, path, embedded, ollama, served",
    ),
]

Backend = Literal["transformers", "llama_cpp", "ollama", "vllm", "trtllm", "openai"]
_OWN_ARGUMENTS = ("--host", "--port", "--uds", "--api-key")


def _is_no_own_argument(argument: str) -> str:
    if argument.partition("=")[0] in _OWN_ARGUMENTS:
        raise ValueError(
            f"{argument.partition('=')[0]} is set by Yardstick, which keeps servers on loopback; remove it"
        )
    return argument


class ServerSettings(StrictModel):
    """The server that holds the model."""

    url: str | None = Field(
        default=None,
        pattern=r"^https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?$",
        max_length=200,
        description="address of a server that runs already, for example http://127.0.0.1:8000; leave out to start one",
    )
    arguments: list[Annotated[str, Field(max_length=400), AfterValidator(_is_no_own_argument)]] = Field(
        default=[],
        description="further arguments for the server that Yardstick starts, for example [--max-num-seqs, '8']",
    )


class ModelEntry(StrictModel):
    """One model of the registry, as it is to be measured."""

    id: str = Field(
        pattern=MODEL_ID_PATTERN,
        max_length=64,
        description="unique name, lower-case letters and digits joined by single '.', '_' or '-'",
    )
    tier: Tier = Field(description="ci_safe, ci_borderline or local_only")
    backend: Backend = Field(description="engine that runs the model: " + ", ".join(get_args(Backend)))
    source: Source = Field(
        description="where the weights are: one of hub (with revision), path, embedded, ollama, served"
    )
    server: ServerSettings = Field(default=ServerSettings(), description="for engines that talk to a server")
    dtype: Literal["float32", "bfloat16", "float16"] | None = Field(
        default=None, description="number format of the weights in memory: float32, bfloat16 or float16"
    )
    quantization: str | None = Field(
        default=None, max_length=32, description="quantisation of the weights, for example q4_0; leave out for none"
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        default="cpu", description="cpu, cuda or mps, or auto: an accelerator where the machine has one, else cpu"
    )
    context_length: int = Field(ge=16, le=10_000_000, description="longest context in tokens")
    chat_template: bool = Field(description="true: ask through the model's chat template; false: a base model")
    parameters: int = Field(ge=1, description="number of parameters, a whole number")
    license: str = Field(min_length=1, max_length=64, description="licence identifier, for example apache-2.0")
    description: str = Field(min_length=1, max_length=400, description="one or two sentences for readers")
    memory_mb: int = Field(ge=1, description="memory needed to load and run it, in MB (1e6 bytes)")
    gpus: int | None = Field(
        default=None,
        ge=0,
        le=1024,
        description="GPUs that a cluster job asks for; left out: one for device cuda, else none",
    )
    allow_remote_code: bool = Field(default=False, description="true: run Python code that comes with the weights")
    allow_pickle: bool = Field(default=False, description="true: load weights that are not safetensors")

    @model_validator(mode="after")
    def _backend_fits(self) -> Self:
        for problem in _problems(self):
            raise ValueError(problem)
        return self


def _problems(entry: ModelEntry) -> Iterator[str]:
    """Yield what does not fit together in an entry, with the remedy."""
    source, backend = entry.source, entry.backend
    if isinstance(source, OllamaSource) != (backend == "ollama"):
        yield "an ollama source needs backend: ollama, any other source another backend"
    if isinstance(source, ServedSource) and (backend not in SERVER_BACKENDS or not entry.server.url):
        yield "a served source needs backend openai, vllm or trtllm, and server: {url: http://...}"
    if backend == "openai" and not isinstance(source, ServedSource):
        yield "backend openai talks to a running server; give source: {served: NAME} and server: {url: http://...}"
    if (entry.server.url or entry.server.arguments) and backend not in SERVER_BACKENDS:
        yield f"backend {backend} takes no server; remove it (Ollama's address is engines.ollama.url in config.yaml)"
    if entry.server.url and entry.server.arguments:
        yield "arguments are for a server that Yardstick starts; remove them or the url"
    if isinstance(source, HubSource) and (source.file is None) != (backend != "llama_cpp"):
        yield "backend llama_cpp needs the name of a GGUF file (source.file), other backends take the whole repository"
    if backend in ("transformers", "vllm") and entry.dtype is None and not isinstance(source, ServedSource):
        yield f"backend {backend} needs a dtype; add dtype: float32, bfloat16 or float16"


SERVER_BACKENDS = ("vllm", "trtllm", "openai")


class RegistryFile(StrictModel):
    """The content of `config/models.yaml`."""

    models: list[ModelEntry] = Field(description="the models, one entry each")

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        twice = [name for name, count in Counter(entry.id for entry in self.models).items() if count > 1]
        if twice:
            raise ValueError(f"the id {twice[0]!r} is given to more than one entry; ids are unique, rename one")
        return self


def parse_registry(data: Any, *, file: str) -> dict[str, ModelEntry]:
    """Return the models by id, in the file's order, or raise a `YardstickError` for the first mistake."""
    return {entry.id: entry for entry in parse(RegistryFile, data, file=file).models}


def load_registry(path: Path) -> dict[str, ModelEntry]:
    """Read and validate the registry file. See `parse_registry`."""
    return parse_registry(read_yaml(path), file=str(path))


def select(registry: dict[str, ModelEntry], *, tiers: Iterable[str], names: Iterable[str] = ()) -> list[ModelEntry]:
    """Return the entries of the given tiers, narrowed to ``names`` where any are given.

    Raises:
        YardstickError: a name is not in the registry.
    """
    wanted = list(names)
    unknown = [name for name in wanted if name not in registry]
    if unknown:
        raise YardstickError(
            f"--config models: no model {unknown[0]!r} in the registry; choose from: {', '.join(registry)}"
        )
    tiers = set(tiers)
    return [entry for entry in registry.values() if entry.tier in tiers and (not wanted or entry.id in wanted)]
