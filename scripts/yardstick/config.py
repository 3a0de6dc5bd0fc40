"""The settings of a run, `config/config.yaml`: fields, rules and defaults."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from yardstick.validation import StrictModel, going_up, parse, read_yaml

MACHINE_PATTERN = r"^[a-z0-9]+([._-][a-z0-9]+)*$"


def _split_names(value: Any) -> Any:
    """Accept both a YAML list and the comma-separated text of `--config models=a,b`."""
    if isinstance(value, str):
        return [name.strip() for name in value.split(",") if name.strip()]
    return value


def _as_text(value: Any) -> Any:
    """Undo Snakemake's guess that `--config epoch=2026` is a number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _as_flag(value: Any) -> Any:
    """Undo Snakemake's reading of `--config strict=true` as a text."""
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value


_RELATIVE_INTERVAL = "half the 95 % interval over the mean at which sampling ends, for example 0.025"
_Limit = Annotated[float, Field(ge=0, strict=False)] | None
_Settings = TypeVar("_Settings", bound=StrictModel)


def _ordered(settings: _Settings, *pairs: tuple[str, str]) -> _Settings:
    for least, most in pairs:
        if getattr(settings, least) > getattr(settings, most):
            raise ValueError(f"{least} exceeds {most}; lower the one or raise the other")
    return settings


class LatencyProtocol(StrictModel):
    """How single requests are timed."""

    max_new_tokens: int = Field(ge=2, le=100_000, description="new tokens per request, a whole number from 2")
    warmups: int = Field(ge=0, le=100, description="requests before the first that counts, from 0")
    relative_interval: float = Field(gt=0, le=1, strict=False, description=_RELATIVE_INTERVAL)
    least_requests: int = Field(ge=2, le=100_000, description="least requests; at least 29 for a P90, 5 for a P50")
    most_requests: int = Field(ge=2, le=100_000, description="most requests")
    least_s: float = Field(ge=0, strict=False, description="seconds before precision can end the sampling")
    most_s: float = Field(gt=0, strict=False, description="seconds after which no new request is begun")

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        return _ordered(self, ("least_requests", "most_requests"), ("least_s", "most_s"))


class ThroughputProtocol(StrictModel):
    """How tokens per second over independent runs are taken."""

    max_new_tokens: int = Field(ge=2, le=100_000, description="new tokens per prompt, a whole number from 2")
    warmups: int = Field(ge=0, le=100, description="runs before the first that counts, from 0")
    relative_interval: float = Field(gt=0, le=1, strict=False, description=_RELATIVE_INTERVAL)
    least_runs: int = Field(ge=2, le=10_000, description="least runs, at least 2 (6 can show a regression, 3 cannot)")
    most_runs: int = Field(ge=2, le=10_000, description="most runs")
    least_s: float = Field(ge=0, strict=False, description="seconds before precision can end the sampling")
    most_s: float = Field(gt=0, strict=False, description="seconds after which no new run is begun")

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        return _ordered(self, ("least_runs", "most_runs"), ("least_s", "most_s"))


class ConcurrencyProtocol(StrictModel):
    """How several requests at the same moment are timed."""

    max_new_tokens: int = Field(ge=2, le=100_000, description="new tokens per request, a whole number from 2")
    levels: Annotated[list[Annotated[int, Field(ge=1, le=4096)]], AfterValidator(going_up)] = Field(
        min_length=1, max_length=16, description="requests in flight, or the batch in process, going up"
    )
    rounds: int = Field(ge=1, le=1000, description="rounds per level that count; one more warms up")
    least_gain: float = Field(
        gt=0, le=10, strict=False, description="no higher level once tokens/s is below this times the best level's"
    )
    most_s: float = Field(gt=0, strict=False, description="seconds after which no new level is begun")


class LongTextProtocol(StrictModel):
    """How prompts of growing length, and long answers, are timed."""

    lengths: Annotated[list[Annotated[int, Field(ge=8, le=1_000_000)]], AfterValidator(going_up)] = Field(
        min_length=1, max_length=32, description="tokens of the prompts, going up, as far as a model's context goes"
    )
    new_tokens: int = Field(ge=2, le=1000, description="new tokens per request, a whole number from 2")
    requests: int = Field(ge=1, le=1000, description="requests per length that count; one more warms up")
    generated_tokens: int = Field(ge=8, le=100_000, description="new tokens of a long answer, from 8")
    generations: int = Field(ge=1, le=1000, description="long answers that are timed")
    most_s: float = Field(gt=0, strict=False, description="seconds after which nothing new is begun")


class MemoryProtocol(StrictModel):
    """How memory over loading and decoding is taken."""

    max_new_tokens: int = Field(ge=2, le=100_000, description="new tokens decoded while the peak is watched, from 2")
    sample_interval_ms: float = Field(gt=0, le=1000, strict=False, description="milliseconds between samples")


class AnsweringProtocol(StrictModel):
    """How the tasks of suites are answered."""

    batch_size: Literal["auto"] | Annotated[int, Field(ge=1, le=4096)] = Field(
        description="prompts answered together: auto (what 8,192 tokens hold) or a whole number from 1"
    )
    half_width: Annotated[float, Field(gt=0, le=0.5, strict=False)] | None = Field(
        default=None, description="half the 95 % interval of a score at which answering ends, or null for all tasks"
    )
    least_tasks: int = Field(default=48, ge=1, le=100_000, description="tasks answered before half_width can end it")


class Protocol(StrictModel):
    """The settings of every metric."""

    prompts: list[Annotated[str, Field(min_length=1, max_length=20_000)]] = Field(
        min_length=1, description="texts that the timing and memory metrics give to every model, in this order"
    )
    answering: AnsweringProtocol = Field(description="settings of all suites of tasks")
    latency: LatencyProtocol = Field(description="settings of the latency metric")
    throughput: ThroughputProtocol = Field(description="settings of the throughput metric")
    memory: MemoryProtocol = Field(description="settings of the memory metric")
    concurrency: ConcurrencyProtocol = Field(description="settings of the concurrency metric")
    long_text: LongTextProtocol = Field(description="settings of the long_text metric")


class OllamaSettings(StrictModel):
    """The Ollama server of this machine or network."""

    url: str = Field(
        pattern=r"^https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?$",
        description="address of the server, for example http://127.0.0.1:11434",
    )
    pull: bool = Field(description="true: fetch a model that the server lacks, if the registry names its digest")


class ManagedSettings(StrictModel):
    """A server program that measurements start."""

    command: str = Field(min_length=1, description="program, found on the path, or its path")
    start_limit_s: float = Field(gt=0, strict=False, description="seconds within which the server must be ready")


class Engines(StrictModel):
    """Where the engines of this machine are. Nothing here makes a result stale."""

    ollama: OllamaSettings = Field(description="the Ollama server")
    vllm: ManagedSettings = Field(description="vLLM's server program")
    trtllm: ManagedSettings = Field(description="TensorRT-LLM's server program")


class ClusterSettings(StrictModel):
    """What holds for jobs on a cluster, whatever they measure. Nothing here makes a result stale."""

    minutes: int = Field(default=60, ge=1, le=100_000, description="time limit of a job; servers get theirs on top")
    memory_mb: int = Field(
        default=500, ge=0, description="memory of a job beside what its model needs, in MB (2**20 bytes)"
    )
    hardware: str | None = Field(
        default=None,
        max_length=200,
        description="what each node must be, as a job that is refused names it; left out: what the first job sees",
    )
    silence_minutes: float = Field(
        default=60, gt=0, strict=False, description="the run ends when the scheduler has not answered for so long"
    )


class Config(StrictModel):
    """The content of `config/config.yaml`, with what `--config` overrides."""

    models: Annotated[list[str], BeforeValidator(_split_names)] = Field(
        description="ids of the models to take, none for all of a tier; on the command line: --config models=a,b"
    )
    suites: Annotated[list[str], BeforeValidator(_split_names)] = Field(
        description="suites that models are asked, named as their files in config/suites; --config suites=a,b"
    )
    machine: str = Field(
        pattern=MACHINE_PATTERN,
        max_length=64,
        description="label of this machine in the results: auto, or lower-case letters and digits joined by . _ -",
    )
    epoch: Annotated[str, BeforeValidator(_as_text)] = Field(
        pattern=r"^[A-Za-z0-9._-]*$",
        max_length=32,
        description="empty, or a label such as 2026-W30; a new label measures everything anew",
    )
    strict: Annotated[bool, BeforeValidator(_as_flag)] = Field(
        description="true: a model that this machine cannot run is an error; false: it is left out"
    )
    threads: Literal["cores"] | Annotated[int, Field(ge=1, le=1024)] = Field(
        description="threads of a measurement: cores (one per core given with --cores) or a whole number from 1"
    )
    protocol: Protocol = Field(description="what is measured, and how")
    engines: Engines = Field(description="where the engines of this machine are")
    cluster: ClusterSettings = Field(default=ClusterSettings(), description="jobs on a cluster (docs/slurm.md)")
    ram_gb: _Limit = Field(default=None, description="for predict: memory of a typed-in machine in GB (1e9 bytes)")
    bandwidth_gb_s: Annotated[float, Field(gt=0, strict=False)] | None = Field(
        default=None, description="for predict: GB that the memory of a typed-in machine delivers per second"
    )
    vram_gb: _Limit = Field(default=None, description="for predict: memory of a typed-in machine's GPU in GB")
    context_tokens: int = Field(
        default=1024, ge=2, le=10_000_000, description="for predict: tokens of the context that memory is told at"
    )
    memory_gb: _Limit = Field(default=None, description="for recommend: most memory in GB (1e9 bytes)")
    min_reasoning: Annotated[float, Field(ge=0, le=1, strict=False)] | None = Field(
        default=None, description="for recommend: least reasoning score, 0 to 1"
    )
    min_tokens_per_s: _Limit = Field(default=None, description="for recommend: least tokens per second")
    max_latency_s: _Limit = Field(default=None, description="for recommend: longest typical latency in seconds")

    @model_validator(mode="after")
    def _describes_a_whole_machine(self) -> Self:
        given = [self.ram_gb is not None, self.bandwidth_gb_s is not None]
        if any(given) != all(given) or (self.vram_gb is not None and not all(given)):
            raise ValueError("ram_gb and bandwidth_gb_s describe another machine together; give both, or neither")
        return self


def parse_config(data: Mapping[str, Any], *, file: str) -> Config:
    """Return the typed settings, or raise a `YardstickError` for the first mistake."""
    return parse(Config, data, file=file)


def load_config(path: Path) -> Config:
    """Read and validate a settings file. See `parse_config`."""
    return parse_config(read_yaml(path), file=str(path))
