"""The answer to "which of these can I run, and how fast" as a table for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate

from yardstick.config import Config
from yardstick.errors import YardstickError
from yardstick.hardware.fit import Predicted
from yardstick.hardware.forecast import PROMPTS, Forecast, Forecasts, forecasts
from yardstick.hardware.observed import gather
from yardstick.hardware.predictor import TITLES, Predictor, PublishedError, typed_gpu, typed_machine
from yardstick.hardware.profile import MachineProfile
from yardstick.leaderboard.text import one_line
from yardstick.plan import Plan
from yardstick.registry import TIERS, select

_HEADINGS = ("Model", "Engine", "Fits", "Memory", "90 %", "Tokens/s", "90 %", *(f"TTFT {n}" for n in PROMPTS), "Sure")
_SIDES = ("left", "left", "left", *("right",) * (4 + len(PROMPTS)), "left")
_FITS = {True: "yes", False: "no", None: "maybe"}


def prediction(plan: Plan, config: Config, threads: int) -> str:
    """Return a line per selected model, and how far such predictions are off.

    Raises:
        YardstickError: there is no profile, or the typed-in machine lacks a number.
    """
    predictor = Predictor(gather(plan))
    profile = _profile(plan, config, predictor)
    entries = select(plan.inputs.registry, tiers=TIERS, names=config.models)
    is_gpu = config.vram_gb is not None
    found = forecasts(plan, predictor, profile, entries, context=config.context_tokens, threads=threads, on_gpu=is_gpu)
    return "\n".join([_heading(profile, config, threads), "", table(found), "", *error_lines(predictor.errors)])


def table(found: Forecasts) -> str:
    """Return the forecasts as a table, and the models without one below it."""
    lines = [_line(forecast) for forecast in sorted(found.found, key=lambda forecast: forecast.peak.value)]
    text: str = tabulate(lines, headers=_HEADINGS, tablefmt="simple", colalign=_SIDES, disable_numparse=True)
    if any(seconds.is_extrapolated for forecast in found.found for seconds in forecast.ttft.values()):
        text += "\n* a longer prompt, or another model or machine, than was measured"
    return "\n".join([text, *(f"  {one_line(reason)}" for reason in found.without.values())])


def error_lines(errors: Sequence[PublishedError]) -> list[str]:
    """Return a line per quantity: how far predictions of left out models were off, beside the rule of thumb."""
    lines = []
    for error in errors:
        if error.ours is None or error.left_out != "model":
            continue
        rule = f"; the rule of thumb {_percent(error.baseline.median)}" if error.baseline else ""
        lines.append(
            f"{TITLES[error.quantity]} ({error.backend}, {error.device}): off by {_percent(error.ours.median)} in the "
            f"median, {_percent(error.ours.p90)} at P90, over {error.ours.left_out} models left out in turn{rule}"
        )
    return lines


def _profile(plan: Plan, config: Config, predictor: Predictor) -> MachineProfile:
    if config.bandwidth_gb_s is not None:
        if not predictor.profiles:
            raise YardstickError("no machine was ever profiled here; run first: snakemake --cores 1 profile_machine")
        reference = predictor.profiles.get(plan.machine) or next(iter(predictor.profiles.values()))
        bandwidth = config.bandwidth_gb_s * 1e9
        if config.vram_gb is not None:
            return typed_gpu(reference, bandwidth, config.vram_gb * 1e9)
        return typed_machine(reference, bandwidth, (config.ram_gb or 0.0) * 1e9)
    if plan.machine not in predictor.profiles:
        raise YardstickError(f"{plan.machine} has no profile yet; run first: snakemake --cores 1 profile_machine")
    return predictor.profiles[plan.machine]


def _heading(profile: MachineProfile, config: Config, threads: int) -> str:
    device, cores = ("cpu", f", {threads} threads") if config.vram_gb is None else ("cuda", "")
    memory, bandwidth = profile.value("memory", device=device) or 0.0, profile.bandwidth(device, threads)
    what = profile.machine if config.vram_gb is None else f"{profile.machine} GPU"
    return (
        f"{what}: memory {memory / 1e9:.3g} GB, {bandwidth / 1e9:.3g} GB/s{cores}; "
        f"memory at {config.context_tokens} tokens of context"
    )


def _line(forecast: Forecast) -> list[str]:
    peak, speed = forecast.peak, forecast.tokens_per_s
    return [
        one_line(forecast.model),
        f"{forecast.backend}, {forecast.device}",
        _FITS[forecast.fits],
        _bytes(peak.value),
        f"{_bytes(peak.low)} – {_bytes(peak.high)}",
        _number(speed.value) if speed else "–",
        f"{_number(speed.low)} – {_number(speed.high)}" if speed else "–",
        *(_seconds(forecast.ttft.get(prompt)) for prompt in PROMPTS),
        "extrapolated" if forecast.is_extrapolated else "as measured",
    ]


def _seconds(found: Predicted | None) -> str:
    return f"{_number(found.value)} s{'*' if found.is_extrapolated else ''}" if found else "–"


def _bytes(amount: float) -> str:
    return f"{amount / 1e9:.2f} GB" if amount >= 1e9 else f"{amount / 1e6:.0f} MB"


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
