"""What a registered model would need and do on a machine: one forecast, for the terminal, the leaderboard and the preflight."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from yardstick.errors import YardstickError
from yardstick.hardware.fit import Predicted
from yardstick.hardware.observed import Observation, Quantity, running_of
from yardstick.hardware.predictor import Predictor, rate
from yardstick.hardware.profile import MachineProfile
from yardstick.hardware.terms import LIBRARY_BYTES, Running
from yardstick.plan import Plan
from yardstick.registry import ModelEntry

# Prompts of which the time to the first token is told, tokens; speed and memory are told at a context.
PROMPTS = (32, 512)
_SPEED_PROMPT, _SPEED_NEW_TOKENS = 32, 50


@dataclass(frozen=True)
class Forecast:
    """What is expected of one model on one machine.

    Attributes:
        model: its id.
        machine: label of the machine.
        backend: its engine.
        device: cpu or cuda.
        threads: threads of the processor.
        context: tokens of the context that memory is told at.
        available: bytes that the machine has, None where nobody said.
        load: bytes that loading takes.
        peak: bytes that the model takes at most, while loading or at that context, libraries not counted.
        tokens_per_s: new tokens per second of a request as the throughput metric makes it; None without a profile.
        ttft: prompt tokens -> seconds to the first new token.
        reading_share: share of the time per token that goes into reading weights; None without a profile.
        weight_bytes_per_token: bytes of weights that a token reads.
        kv_bytes_per_token: bytes by which a token makes the cache grow.
        decode_flops: operations for a new token after ``context`` tokens.
    """

    model: str
    machine: str
    backend: str
    device: str
    threads: int
    context: int
    available: float | None
    load: Predicted
    peak: Predicted
    tokens_per_s: Predicted | None
    ttft: dict[int, Predicted]
    reading_share: float | None
    weight_bytes_per_token: int
    kv_bytes_per_token: int
    decode_flops: int

    @property
    def fits(self) -> bool | None:
        """Whether it fits: yes, if even the upper end of the interval does; no, if not even the lower; else unknown."""
        if self.available is None:
            return None
        others = 0.0 if self.device == "cuda" else LIBRARY_BYTES
        if self.peak.high + others <= self.available:
            return True
        return False if self.peak.low + others > self.available else None

    @property
    def is_extrapolated(self) -> bool:
        """Whether its speed, or without a speed its memory, lies outside of what was measured."""
        return (self.tokens_per_s or self.peak).is_extrapolated


@dataclass(frozen=True)
class Forecasts:
    """Forecasts of several models.

    Attributes:
        found: one for each model of which enough is known.
        without: model -> why there is none.
    """

    found: list[Forecast]
    without: dict[str, str]


def forecasts(
    plan: Plan, predictor: Predictor, profile: MachineProfile, entries: Iterable[ModelEntry], *, context: int,
    threads: int, on_gpu: bool = False,
) -> Forecasts:  # fmt: skip
    """Return what is expected of models on a machine.

    Args:
        plan: the repository.
        predictor: predicts.
        profile: the machine.
        entries: the models.
        context: tokens of the context that memory is told at; less for models with a shorter one.
        threads: threads of the processor.
        on_gpu: whether all models run on its GPU, whatever the registry says.
    """
    found, without = [], {}
    for entry in entries:
        try:
            running = running_of(entry, plan, threads)
            if on_gpu:
                running = replace(running, device="cuda")
            found.append(_forecast(entry, running, predictor, profile, context=context))
        except YardstickError as error:
            without[entry.id] = str(error)
    return Forecasts(found, without)


def _forecast(
    entry: ModelEntry, running: Running, predictor: Predictor, profile: MachineProfile, *, context: int
) -> Forecast:
    context = min(context, entry.context_length)
    has_profile = profile.value("memory_bandwidth", device=running.device) is not None

    def predicted(quantity: Quantity, prompt: int, new_tokens: int = 1) -> Predicted:
        asked = Observation(quantity, entry.backend, running, profile.machine, entry.id, prompt, new_tokens)
        return predictor.predict(asked, profile)

    speed = share = None
    ttft: dict[int, Predicted] = {}
    if has_profile:
        speed = rate(predicted("token_s", _SPEED_PROMPT, _SPEED_NEW_TOKENS))
        prompts = PROMPTS if profile.knows_prompts(running.device) else ()
        ttft = {prompt: predicted("ttft_s", prompt) for prompt in prompts if prompt < entry.context_length}
        asked = Observation(
            "token_s", entry.backend, running, profile.machine, entry.id, _SPEED_PROMPT, _SPEED_NEW_TOKENS
        )
        share = predictor.reading_share(asked, profile)
    return Forecast(
        model=entry.id,
        machine=profile.machine,
        backend=entry.backend,
        device=running.device,
        threads=running.threads,
        context=context,
        available=profile.value("memory", device=running.device),
        load=predicted("load_bytes", _SPEED_PROMPT),
        peak=max(
            predicted("load_peak_bytes", _SPEED_PROMPT),
            predicted("peak_bytes", max(1, context - 1)),
            key=lambda predicted: predicted.value,
        ),
        tokens_per_s=speed,
        ttft=ttft,
        reading_share=share,
        weight_bytes_per_token=running.facts.weight_bytes_per_token(running.dtype),
        kv_bytes_per_token=running.facts.kv_bytes_per_token(running.dtype),
        decode_flops=running.facts.decode_flops(context),
    )
