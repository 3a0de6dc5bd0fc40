"""The outlook of the leaderboard: forecasts of all registered models on all machines with a profile."""

from __future__ import annotations

from typing import Any

from yardstick.hardware.fit import UNFITTED, Predicted
from yardstick.hardware.forecast import Forecast, forecasts
from yardstick.hardware.observed import gather
from yardstick.hardware.predictor import OTHER_MACHINE, TITLES, Predictor, PublishedError
from yardstick.hardware.profile import MachineProfile
from yardstick.hardware.terms import LIBRARY_BYTES
from yardstick.leaderboard.outlook_document import (
    Expected,
    ModelOutlook,
    NoOutlook,
    Outlook,
    PredictionError,
    ProfiledMachine,
    Speed,
)
from yardstick.leaderboard.text import one_line
from yardstick.plan import Plan

CONTEXT_TOKENS = 1024
_NAMES = {"token_s": "tokens_per_s", "load_bytes": "load", "load_peak_bytes": "load_peak", "peak_bytes": "peak"}
_MB = 1e6


def outlook(plan: Plan) -> Outlook:
    """Return what is expected of every registered model; nothing where no machine has a profile."""
    predictor = Predictor(gather(plan))
    found: dict[str, list[Forecast]] = {}
    without: dict[str, str] = {}
    machines = [_machine(profile) for _, profile in sorted(predictor.profiles.items())]
    for machine in machines:
        told = forecasts(
            plan,
            predictor,
            predictor.profiles[machine.machine],
            plan.inputs.registry.values(),
            context=CONTEXT_TOKENS,
            threads=machine.threads,
        )
        without |= told.without
        for forecast in told.found:
            found.setdefault(forecast.model, []).append(forecast)
    models = [_model(several) for several in found.values()]
    return Outlook(
        library_mb=LIBRARY_BYTES / _MB,
        other_machine_width=OTHER_MACHINE,
        unmeasured_width=UNFITTED,
        machines=machines,
        models=sorted(models, key=lambda model: (model.memory_mb.value, model.model)),
        without=[NoOutlook(model=name, reason=one_line(reason)) for name, reason in without.items()],
        errors=[_error(error) for error in predictor.errors],
    )


def _machine(profile: MachineProfile) -> ProfiledMachine:
    threads = max(row["threads"] or 1 for row in profile.rows)
    accelerator = profile.value("memory", device="cuda")
    return ProfiledMachine(
        machine=profile.machine,
        threads=threads,
        memory_mb=_rounded((profile.value("memory") or 0.0) / _MB),
        accelerator_mb=None if accelerator is None else _rounded(accelerator / _MB),
        bandwidth_gb_s=_rounded(profile.bandwidth("cpu", threads) / 1e9),
    )


def _model(several: list[Forecast]) -> ModelOutlook:
    """Return the outlook of one model from its forecasts, one per machine; memory is the same on all."""
    first = several[0]
    return ModelOutlook(
        model=first.model,
        backend=first.backend,
        device=first.device,
        context_tokens=first.context,
        load_mb=_expected(first.load, _MB),
        memory_mb=_expected(first.peak, _MB),
        weights_mb_per_token=_rounded(first.weight_bytes_per_token / _MB),
        cache_kb_per_token=_rounded(first.kv_bytes_per_token / 1e3),
        gflop_per_token=_rounded(first.decode_flops / 1e9),
        speeds=[_speed(forecast) for forecast in several],
    )


def _speed(forecast: Forecast) -> Speed:
    return Speed(
        machine=forecast.machine,
        threads=forecast.threads,
        fits=forecast.fits,
        tokens_per_s=_expected(forecast.tokens_per_s) if forecast.tokens_per_s else None,
        ttft_s={str(prompt): _expected(seconds) for prompt, seconds in forecast.ttft.items()},
        reading_share=None if forecast.reading_share is None else _rounded(forecast.reading_share),
    )


def _error(error: PublishedError) -> PredictionError:
    ours, rule = error.ours, error.baseline
    fields: dict[str, Any] = {"left_out": error.left_out, "backend": error.backend, "device": error.device}
    return PredictionError(
        quantity=_NAMES.get(error.quantity, error.quantity),
        title=TITLES[error.quantity],
        count=error.count,
        rows=error.rows,
        median=_rounded(ours.median) if ours else None,
        p90=_rounded(ours.p90) if ours else None,
        baseline_median=_rounded(rule.median) if rule else None,
        baseline_p90=_rounded(rule.p90) if rule else None,
        **fields,
    )


def _expected(found: Predicted, unit: float = 1.0) -> Expected:
    value, low, high = (_rounded(number / unit) for number in (found.value, found.low, found.high))
    return Expected(value=value, low=low, high=high, is_extrapolated=found.is_extrapolated)


def _rounded(number: float) -> float:
    """Return three digits: no prediction has more, and machines differ in later ones."""
    return float(f"{number:.3g}")
