"""What predictions are fitted on: numbers measured of models whose shape is known, on machines with a profile."""

from __future__ import annotations

import json
import math
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import fmean, median
from typing import Any, Literal

from yardstick.catalog import NO_MODEL, PROFILE
from yardstick.errors import YardstickError
from yardstick.hardware.families import model_facts
from yardstick.hardware.fit import Sample
from yardstick.hardware.locate import facts_of
from yardstick.hardware.profile import MachineProfile, best_of
from yardstick.hardware.terms import Running, load_peak_terms, load_terms, peak_terms, prompt_terms, token_terms
from yardstick.machine import default_device
from yardstick.paths import CALIBRATION, RESULTS
from yardstick.plan import Plan
from yardstick.registry import ModelEntry
from yardstick.shards import Shard, read_shard

Quantity = Literal["token_s", "ttft_s", "load_bytes", "load_peak_bytes", "peak_bytes"]
# A token of English text has about so many characters.
_CHARACTERS = 4.5


@dataclass(frozen=True)
class Observation:
    """One measured number, or one that is asked for.

    Attributes:
        quantity: token_s, seconds per new token of whole requests; ttft_s; load_bytes, what a process has grown by when
            the model is loaded; load_peak_bytes and peak_bytes, the most of it while loading and while answering.
        backend: the engine.
        running: the model as it runs.
        machine: label of the machine.
        model: name of the model.
        prompt: tokens of the prompt.
        new_tokens: new tokens.
        value: what was measured, in the quantity's unit; NaN in a query.
    """

    quantity: Quantity
    backend: str
    running: Running
    machine: str
    model: str
    prompt: int
    new_tokens: int
    value: float = math.nan

    @property
    def group(self) -> tuple[str, str]:
        """Engine and device: what one fit is for."""
        return self.backend, self.running.device

    def sample(self, profile: MachineProfile) -> Sample:
        """Return it in the terms of a fit.

        Raises:
            YardstickError: the profile says nothing of the device.
        """
        facts = self.running.facts
        place = [math.log(facts.parameters), math.log(facts.layers)]
        marks: dict[str, float] = {}
        if self.quantity in ("token_s", "ttft_s"):
            marks = {self.running.dtype: 1.0, f"{self.running.dtype}, threads": math.log2(self.running.threads)}
            marks[facts.family] = 1.0
            if facts.matrices and facts.matrices[0].layout == "conv1d":
                marks[f"conv1d, {self.running.dtype}"] = 1.0
        if self.quantity in ("ttft_s", "peak_bytes"):
            place.append(math.log(self.prompt))
        return Sample(self._terms(profile), marks, tuple(place), self.value, self.model, self.machine)

    def _terms(self, profile: MachineProfile) -> dict[str, float]:
        if self.quantity == "token_s":
            return token_terms(self.running, profile, prompt=self.prompt, new_tokens=self.new_tokens)
        if self.quantity == "ttft_s":
            return prompt_terms(self.running, profile, prompt=self.prompt)
        if self.quantity == "load_bytes":
            return load_terms(self.running)
        if self.quantity == "load_peak_bytes":
            return load_peak_terms(self.running)
        return peak_terms(self.running, prompt=self.prompt, new_tokens=self.new_tokens)


@dataclass(frozen=True)
class Evidence:
    """All that was measured.

    Attributes:
        observations: the numbers.
        profiles: machine -> its profile.
    """

    observations: list[Observation]
    profiles: dict[str, MachineProfile]


def gather(plan: Plan) -> Evidence:
    """Return what the repository's calibration and the valid shards hold; what cannot be read is passed over here.

    The leaderboard names the shards that cannot be read.
    """
    observations: list[Observation] = []
    profiles: dict[str, MachineProfile] = {}
    for file in sorted((plan.inputs.root / CALIBRATION).glob("*.json")):
        content = json.loads(file.read_bytes())
        profiles[content["machine"]] = MachineProfile(content["machine"], content["profile"])
        observations += calibrated(content)
    for machine, rows in _profiles(plan).items():
        known = profiles.get(machine)
        profiles[machine] = MachineProfile(machine, best_of(known.rows if known else [], rows))
    for entry in plan.inputs.registry.values():
        observations += _measured(plan, entry, profiles)
    return Evidence(observations, profiles)


def _profiles(plan: Plan) -> dict[str, list[Mapping[str, Any]]]:
    """Return machine -> the best of its profiles below `results/`."""
    results = plan.inputs.root / RESULTS
    found: dict[str, list[Mapping[str, Any]]] = {}
    for path in plan.inputs.listing.of(PROFILE, NO_MODEL):
        try:
            shard = read_shard(results, path)
        except YardstickError:
            continue
        found[path.machine] = best_of(found.get(path.machine, []), shard.rows)
    return found


def calibrated(content: dict[str, Any]) -> Iterator[Observation]:
    """Yield what one file of `workflow/resources/calibration` holds."""
    facts = {name: model_facts(config, name) for name, config in content["configs"].items()}
    for row in content["rows"]:
        stored = replace(facts[row["model"]], dtype=row["stored"])
        running = Running(stored, row["dtype"], row["device"], row["threads"], row["dtype"] != row["stored"])
        common = {"backend": row["backend"], "running": running, "machine": content["machine"], "model": row["model"]}
        if row["kind"] == "speed":
            yield Observation(
                "token_s",
                **common,
                prompt=round(row["prompt_tokens"]),
                new_tokens=row["new_tokens"],
                value=1 / row["tokens_per_s"],
            )
            for tokens, seconds in row["ttft"]:
                yield Observation("ttft_s", **common, prompt=tokens, new_tokens=1, value=seconds)
            continue
        for context in row["contexts"]:
            request = {"prompt": context["prompt_tokens"], "new_tokens": context["new_tokens"]}
            yield Observation("load_bytes", **common, **request, value=context["load_bytes"])
            yield Observation("load_peak_bytes", **common, **request, value=context["peak_load_bytes"])
            yield Observation("peak_bytes", **common, **request, value=context["peak_bytes"])


def running_of(entry: ModelEntry, plan: Plan, threads: int) -> Running:
    """Return a registered model as it runs.

    Raises:
        YardstickError: nothing tells its shape.
    """
    facts = facts_of(entry, plan.inputs.root)
    dtype = entry.dtype or ("float16" if facts.stored else facts.dtype or "float32")
    is_converted = facts.stored is None and facts.dtype is not None and facts.dtype != dtype
    device = default_device() if entry.device == "auto" else entry.device
    return Running(facts, dtype, device, threads, is_converted)


def _measured(plan: Plan, entry: ModelEntry, machines: Container[str]) -> Iterator[Observation]:
    """Yield what the valid shards of a model say that were measured on some machines."""
    if plan.obstacle(entry):
        return
    for metric, read in _READERS.items():
        for path in plan.valid(metric, entry):
            if path.machine not in machines:
                continue
            try:
                shard = read_shard(plan.inputs.root / RESULTS, path)
                threads = int(shard.identity["environment"]["threads"])
                running = running_of(entry, plan, threads)
                found = [
                    Observation(quantity, entry.backend, running, path.machine, entry.id, prompt, new_tokens, value)
                    for quantity, prompt, new_tokens, value in read(shard)
                ]
            except (YardstickError, KeyError, TypeError, ValueError, ZeroDivisionError):
                continue  # no whole shard; the leaderboard names it
            yield from (observation for observation in found if 0 < observation.value < math.inf)


_Found = Iterator[tuple[Quantity, int, int, float]]


def _throughput(shard: Shard) -> _Found:
    requests = len(shard.identity["definition"]["protocol"]["prompts"])
    tokens = shard.rows[0]["output_tokens"] // requests
    prompt = round(shard.rows[0]["prompt_tokens"] / requests)
    yield "token_s", prompt, tokens, 1 / fmean(row["output_tokens"] / row["wall_s"] for row in shard.rows)


def _latency(shard: Shard) -> _Found:
    prompt = round(fmean(row["prompt_tokens"] for row in shard.rows))
    yield "ttft_s", prompt, 1, median(row["ttft_s"] for row in shard.rows)


def _long_text(shard: Shard) -> _Found:
    for row in shard.rows:
        if row["part"] == "prompt":
            yield "ttft_s", round(row["prompt_tokens"] / row["requests"]), 1, median(row["ttft_s"])


def _memory(shard: Shard) -> _Found:
    protocol, row = shard.identity["definition"]["protocol"], shard.rows[0]
    if row["reserved_bytes"] or row["accelerator_bytes"]:
        return
    request = round(len(protocol["prompts"][0]) / _CHARACTERS), int(protocol["max_new_tokens"])
    yield "load_bytes", *request, row["rss_after_bytes"] - row["rss_before_bytes"]
    yield "load_peak_bytes", *request, row["peak_load_bytes"] - row["rss_before_bytes"]
    yield "peak_bytes", *request, row["peak_decode_bytes"] - row["rss_before_bytes"]


_READERS = {"throughput": _throughput, "latency": _latency, "long_text": _long_text, "memory": _memory}
