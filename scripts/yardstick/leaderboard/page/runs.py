"""What is known of the run behind a shard, as far as what is stored can be believed."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

_Text = Annotated[str, Field(max_length=200)]
_Amount = Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)]


class _Stored(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class MachineFacts(_Stored):
    """The machine of a run, see `yardstick.machine.machine_facts`."""

    cpu: _Text | None = None
    cores: int | None = None
    memory_bytes: _Amount | None = None
    system: _Text | None = None
    architecture: _Text | None = None
    accelerators: list[_Text] = Field(default=[], max_length=64)


class GuardRails(_Stored):
    """What else the machine did, see `yardstick.guards`."""

    load_before: _Amount | None = None
    load_after: _Amount | None = None
    foreign_cores: _Amount | None = None
    cpu_mhz_before: _Amount | None = None
    cpu_mhz_after: _Amount | None = None
    swapped_bytes: _Amount | None = None
    foreign_gpu_processes: int | None = None
    wall_s: _Amount | None = None


class Sampling(_Stored):
    """What ended a sampling, and half the interval's width over the mean in the end."""

    stopped_by: _Text | None = None
    relative_interval: _Amount | None = None


def machine_document(run: Any) -> dict[str, Any]:
    """Return what a run says of its machine, empty where it says nothing believable."""
    return _checked(MachineFacts, run, "machine")


def run_document(run: Any) -> dict[str, Any]:
    """Return guard rails, sampling and engine versions of a run, each only where it is there and believable."""
    parts = {"guards": _checked(GuardRails, run, "guards"), "sampling": _checked(Sampling, run, "sampling")}
    engine = run.get("engine") if isinstance(run, dict) else None
    if isinstance(engine, dict):
        parts["engine"] = {str(name)[:200]: str(value)[:200] for name, value in list(engine.items())[:50]}
    return {name: part for name, part in parts.items() if part}


def _checked(model: type[_Stored], run: Any, name: str) -> dict[str, Any]:
    try:
        return model.model_validate(run[name]).model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    except (ValidationError, KeyError, TypeError):
        return {}
