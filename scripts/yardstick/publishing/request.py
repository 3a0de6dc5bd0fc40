"""What a run in continuous integration is asked to measure: texts from outside, checked before anything uses them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from yardstick.config import MACHINE_PATTERN
from yardstick.errors import YardstickError
from yardstick.registry import MODEL_ID_PATTERN, TIERS

# Stands for the current ISO week, so that a scheduled run measures everything anew and a rerun in that week resumes.
WEEK = "week"
_EPOCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")


@dataclass(frozen=True)
class Request:
    """What to measure.

    Attributes:
        tier: the tier.
        models: ids, none for all of the tier.
        epoch: label of the epoch, empty for none.
        machine: label of the machine.
        cores: cores that Snakemake is given.
    """

    tier: str
    models: tuple[str, ...]
    epoch: str
    machine: str
    cores: int

    def settings(self) -> list[str]:
        """Return what follows Snakemake's ``--config``."""
        given = [f"machine={self.machine}", "strict=true"]
        given += [f"models={','.join(self.models)}"] if self.models else []
        return given + ([f"epoch={self.epoch}"] if self.epoch else [])


def parse_request(variables: Mapping[str, str], today: date) -> Request:
    """Return the request that the variables TIER, MODELS, EPOCH, MACHINE and CORES make.

    Args:
        variables: for example the environment; those that are missing or empty take their defaults.
        today: the day, UTC.

    Raises:
        YardstickError: a value is not of its form; nothing of it has been used.
    """
    tier = variables.get("TIER") or "ci_safe"
    if tier not in TIERS:
        raise YardstickError(f"TIER: {tier!r} is no tier; choose from: {', '.join(TIERS)}")
    epoch = variables.get("EPOCH") or ""
    if epoch and not _EPOCH.fullmatch(epoch):
        raise YardstickError(f"EPOCH: {epoch!r} is not valid; give letters and digits, for example 2026-W30, or week")
    machine = variables.get("MACHINE") or "auto"
    if not re.fullmatch(MACHINE_PATTERN, machine) or len(machine) > 64:
        raise YardstickError(f"MACHINE: {machine!r} is not valid; give lower-case letters and digits joined by . _ -")
    cores = variables.get("CORES") or "1"
    if not re.fullmatch(r"[1-9][0-9]{0,3}", cores):
        raise YardstickError(f"CORES: {cores!r} is not valid; give a whole number from 1")
    models = _models(variables.get("MODELS") or "")
    return Request(tier, models, iso_week(today) if epoch == WEEK else epoch, machine, int(cores))


def iso_week(day: date) -> str:
    """Return the ISO week that a day lies in, for example ``2026-W30``."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def _models(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if not re.fullmatch(MODEL_ID_PATTERN, name) or len(name) > 64:
            raise YardstickError(f"MODELS: {name!r} is no model id; give ids of config/models.yaml, joined by commas")
    return names
