"""The part of `leaderboard.json` that says what models would need and do, and how far that was off."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from yardstick.leaderboard.part import Part


class Expected(Part):
    """A predicted number with its 90 % interval."""

    value: float = Field(description="the most likely value")
    low: float = Field(description="lower end of the 90 % interval")
    high: float = Field(description="upper end of the 90 % interval")
    is_extrapolated: bool = Field(description="whether the model lies outside of what was measured")


class Speed(Part):
    """What a model is expected to do on one machine."""

    machine: str = Field(description="label of the machine")
    threads: int = Field(ge=1, description="threads of the processor, a count")
    fits: bool | None = Field(
        description="whether it fits into the memory: true or false if the whole interval says so, else none"
    )
    tokens_per_s: Expected | None = Field(
        description="new tokens per second; none where the machine has no such device"
    )
    ttft_s: dict[str, Expected] = Field(description="tokens of a prompt -> seconds to the first new token")
    reading_share: float | None = Field(
        description="share of the time per token that goes into reading weights, 0 to 1; it shrinks with the bandwidth"
    )


class ModelOutlook(Part):
    """What one model needs anywhere, and does on the machines with a profile."""

    model: str = Field(description="id of the model in config/models.yaml")
    backend: str = Field(description="engine that runs the model")
    device: str = Field(description="kind of device: cpu or cuda")
    context_tokens: int = Field(description="tokens of the context that memory is told at")
    load_mb: Expected = Field(description="growth of the process over loading, MB (1e6 bytes)")
    memory_mb: Expected = Field(description="most memory while loading or answering, libraries not counted, MB")
    weights_mb_per_token: float = Field(description="MB of weights that a token reads")
    cache_kb_per_token: float = Field(description="kB by which a token makes the cache of keys and values grow")
    gflop_per_token: float = Field(description="1e9 operations for a new token after so much context")
    speeds: list[Speed] = Field(description="what it is expected to do, one entry per machine")


class ProfiledMachine(Part):
    """A machine with a profile."""

    machine: str = Field(description="label of the machine")
    threads: int = Field(description="most threads that were measured, a count")
    memory_mb: float = Field(description="memory, MB (1e6 bytes)")
    accelerator_mb: float | None = Field(description="memory of its GPU, MB; none without one")
    bandwidth_gb_s: float = Field(description="GB read and written per second by a copy, with all threads")


class PredictionError(Part):
    """How far predictions were off when models, or machines, were left out in turn."""

    quantity: str = Field(description="what was predicted: tokens_per_s, ttft_s, load, load_peak or peak memory")
    title: str = Field(description="the same in words")
    backend: str = Field(description="engine")
    device: str = Field(description="kind of device")
    left_out: Literal["model", "machine"] = Field(description="what was predicted from the others")
    count: int = Field(description="models or machines that were left out in turn; with one there is no such error")
    rows: int = Field(description="numbers that were predicted")
    median: float | None = Field(
        description="median of the absolute relative error; none where nothing can be left out"
    )
    p90: float | None = Field(description="90th percentile of the absolute relative error")
    baseline_median: float | None = Field(
        description="the same of the rule of thumb on the same rows: bandwidth / bytes * 0.55, weights * 1.2"
    )
    baseline_p90: float | None = Field(description="90th percentile of the rule of thumb's error")


class NoOutlook(Part):
    """A model of which too little is known."""

    model: str = Field(description="id of the model in config/models.yaml")
    reason: str = Field(description="what is missing")


class Outlook(Part):
    """What the models of the registry would need and do."""

    library_mb: float = Field(description="memory of the libraries before any model, MB, on top of each model's")
    other_machine_width: float = Field(
        description="by how much more the logarithm of a speed may be off, each way, on a machine that was not measured"
    )
    unmeasured_width: float = Field(description="the same of an engine or device that nothing was measured on")
    machines: list[ProfiledMachine] = Field(description="machines with a profile")
    models: list[ModelOutlook] = Field(description="models, the one that needs least first")
    without: list[NoOutlook] = Field(description="models of which too little is known")
    errors: list[PredictionError] = Field(description="how far predictions were off")
