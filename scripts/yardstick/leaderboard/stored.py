"""The documents stored in a shard that its path does not prove, checked before they are believed."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from yardstick.leaderboard.document import Sampling, Time

_Short = Annotated[str, Field(max_length=100)]
_Texts = Annotated[dict[_Short, Annotated[str, Field(max_length=400)]], Field(max_length=100)]
_Amount = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]


class _Stored(BaseModel):
    # Later versions may store more: what is not known here is not read.
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class Guards(_Stored):
    """Guard rails of a measurement, see `yardstick.guards`. Cores, MHz, bytes and a count of processes."""

    foreign_cores: _Amount
    cpu_mhz_before: _Amount | None = None
    cpu_mhz_after: _Amount | None = None
    swapped_bytes: int = Field(ge=0)
    foreign_gpu_processes: int | None = Field(default=None, ge=0)


def _none_if_empty(value: Any) -> Any:
    """A metric with a fixed number of observations stores an empty document."""
    return value or None


class Run(_Stored):
    """What is known of a measurement."""

    measured_at: Time
    guards: Guards | None = None
    engine: _Texts = Field(default={})
    sampling: Annotated[Sampling | None, BeforeValidator(_none_if_empty)] = None


class StoredEnvironment(_Stored):
    """What a measurement ran in."""

    packages: dict[_Short, _Short] = Field(max_length=100)
    python: _Short
    epoch: _Short
    threads: int | None = Field(default=None, ge=1, le=100_000)
    server: _Texts = Field(default={})
    device: _Short | None = None
