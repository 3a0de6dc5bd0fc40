"""What can be wrong with a shard: each forgery changes one thing of an honest one, and names the words that refuse it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
from forgery import Draft, canonical

Forge = Callable[[Draft], Any]


def rows(name: str, value: Any) -> Forge:
    return lambda draft: [row.__setitem__(name, value) for row in draft.rows]


def row(name: str, value: Any) -> Forge:
    return lambda draft: draft.row.__setitem__(name, value)


def environment(**changes: Any) -> Forge:
    return lambda draft: draft.environment.update(changes)


def run(**changes: Any) -> Forge:
    return lambda draft: draft.run.update(changes)


def machine(**changes: Any) -> Forge:
    return lambda draft: draft.run["machine"].update(changes)


def guards(**changes: Any) -> Forge:
    return lambda draft: draft.run["guards"].update(changes)


def sampling(**changes: Any) -> Forge:
    return lambda draft: draft.run["sampling"].update(changes)


def place(**parts: str) -> Forge:
    return lambda draft: draft.place(**parts)


def attribute(name: str, value: Any) -> Forge:
    return lambda draft: setattr(draft, name, value)


def both(*forges: Forge) -> Forge:
    return lambda draft: [forge(draft) for forge in forges]


def scaled(name: str, factor: float) -> Forge:
    return lambda draft: [row.__setitem__(name, row[name] * factor) for row in draft.rows]


def slowed(draft: Draft) -> None:
    for row in draft.rows:
        row.update({name: 1e3 * row[name] for name in ("ttft_s", "e2e_s")}, itl_s=[1e3 * gap for gap in row["itl_s"]])


def _flipped(content: bytes) -> bytes:
    place = len(content) // 20
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def _many(table: pa.Table) -> pa.Table:
    return pa.concat_tables([table] * (200_000 // len(table) + 1))


def _deep(draft: Draft) -> None:
    value: Any = 0
    for _ in range(500):
        value = [value]
    draft.definition["metric"] = value


def _without(*keys: str) -> Forge:
    def forge(draft: Draft) -> None:
        place: Any = draft.content
        for key in keys[:-1]:
            place = place[key]
        del place[keys[-1]]

    return forge


FILES: dict[str, tuple[str, Forge, str]] = {
    "cut short": ("memory", attribute("file", lambda content: content[:-20]), "not a whole Parquet file"),
    "a text": ("memory", attribute("file", lambda content: b"metric,value\n"), "not a whole Parquet file"),
    "a flipped bit": ("latency", attribute("file", _flipped), "not a whole"),
    "one more column": (
        "memory",
        attribute("columns", lambda table: table.append_column("x", [[1]])),
        "columns are not those of memory",
    ),
    "one column fewer": (
        "memory",
        attribute("columns", lambda table: table.drop_columns(["pss_before_bytes"])),
        "columns",
    ),
    "another type": (
        "throughput",
        attribute("columns", lambda table: table.set_column(0, "run", table["run"].cast(pa.int32()))),
        "columns are not those of throughput",
    ),
    "a column that may be empty": (
        "memory",
        attribute(
            "columns", lambda table: table.cast(pa.schema([field.with_nullable(True) for field in table.schema]))
        ),
        "columns are not those of memory",
    ),
    "rows without end": ("throughput", attribute("columns", _many), "more than any measurement"),
    "more metadata": ("memory", attribute("metadata", {b"pandas": b"{}"}), "metadata holds other things"),
    "documents with blanks": (
        "memory",
        attribute("documents", lambda content: canonical(content) + b" "),
        "not as Yardstick",
    ),
    "a key given twice": (
        "memory",
        attribute("documents", lambda content: canonical(content)[:-1] + b', "run": {}}'),
        "documents are not as Yardstick writes them",
    ),
    "no number": ("memory", guards(load_before=float("nan")), "documents are not as Yardstick writes them"),
    "one more document": ("memory", lambda draft: draft.content.update(note="hi"), "documents are not as Yardstick"),
    "no documents": ("memory", attribute("documents", lambda content: b"hello"), "documents are not as Yardstick"),
    "a later format": ("memory", lambda draft: draft.content.update(format_version=2), "format version 2"),
    "no definition": (
        "memory",
        both(attribute("keeps_name", True), lambda draft: draft.content["identity"].update(definition=[])),
        "its identity is not",
    ),
}

IDENTITY: dict[str, tuple[str, Forge, str]] = {
    "another definition than its name": (
        "memory",
        both(attribute("keeps_name", True), lambda draft: draft.definition.update(metric="latency")),
        "belongs under another name",
    ),
    "another environment than its name": (
        "memory",
        both(attribute("keeps_name", True), environment(epoch="2026-W01")),
        "belongs under another name",
    ),
    "the metric of another": (
        "memory",
        lambda draft: draft.definition.update(metric="latency"),
        "it holds latency and lies under memory",
    ),
    "another model's": ("memory", place(model="yardstick-base"), "another definition (model.source.content "),
    "an unknown model": ("memory", place(model="not-there"), "not-there is not in config/models.yaml"),
    "fewer new tokens": (
        "memory",
        lambda draft: draft.definition["protocol"].update(max_new_tokens=2),
        "another definition (protocol.max_new_tokens 2 -> 8)",
    ),
    "other code": (
        "memory",
        lambda draft: draft.definition["code"].update({"yardstick.metrics.memory": "0" * 64}),
        "measured under another definition (code.yardstick.metrics.memory",
    ),
    "a definition without end": ("memory", _deep, "and lies under memory"),
    "scores by other keywords": (
        "reasoning",
        lambda draft: draft.definition["expected"]["add-two-numbers"].update(accept=["1"]),
        "another definition (expected.add-two-numbers.accept",
    ),
    "a package without version": (
        "memory",
        lambda draft: draft.environment["packages"].pop("torch"),
        "torch is missing",
    ),
    "an unknown package": (
        "memory",
        lambda draft: draft.environment["packages"].update(turbo="9"),
        "environment packages: transformers does not run on turbo",
    ),
    "a package that is not installed": (
        "memory",
        lambda draft: draft.environment["packages"].update(torch="not installed"),
        "environment.packages.torch",
    ),
    "a Python of long ago": ("memory", environment(python="2.7"), "environment.python"),
    "an epoch with markup": ("memory", environment(epoch="<b>"), "environment.epoch"),
    "an epoch that is no week": ("memory", environment(epoch="2026-W60"), "epoch 2026-W60: no such week"),
    "an epoch to come": ("memory", environment(epoch="2099-W01"), "epoch 2099-W01: measured before that week began"),
    "no threads": ("memory", _without("identity", "environment", "threads"), "environment threads: missing"),
    "threads of answers": ("reasoning_answers", environment(threads=1), "does not depend on them"),
    "a device": ("memory", environment(device="cuda"), "environment device: the registry says device: cpu"),
    "a server": ("memory", environment(server={"server": "1"}), "environment server: transformers has none"),
    "one more fact": ("memory", environment(fast="yes"), "environment.fast"),
}

RUNS: dict[str, tuple[str, Forge, str]] = {
    "measured tomorrow": ("memory", run(measured_at="2099-01-01T00:00:00Z"), "in the future"),
    "measured before Yardstick": ("memory", run(measured_at="1999-01-01T00:00:00Z"), "before there was a Yardstick"),
    "measured on no day": ("memory", run(measured_at="2026-02-31T00:00:00Z"), "no such time"),
    "measured at a word": ("memory", run(measured_at="now"), "run.measured_at"),
    "a note": ("memory", run(note="<script>"), "run.note"),
    "no machine": ("memory", _without("run", "machine"), "run.machine"),
    "no guard rails": ("memory", _without("run", "guards"), "run.guards"),
    "other threads": ("memory", run(threads=64), "threads: 64 in the run, 1 in the environment"),
    "more threads than cores": (
        "memory",
        both(run(threads=64), environment(threads=64), machine(cores=2)),
        "threads: 64 on a machine of 2 cores",
    ),
    "no cores": ("memory", machine(cores=0), "run.machine.cores"),
    "a processor on two lines": ("memory", machine(cpu="fast\n| row |"), "run.machine.cpu"),
    "no time at all": ("memory", guards(wall_s=0.0), "run.guards.wall_s"),
    "more busy cores than there are": ("memory", guards(foreign_cores=4000.0), "guards foreign_cores"),
    "less than nothing swapped": ("memory", guards(swapped_bytes=-1), "guards swapped_bytes"),
    "a label of more cores": ("memory", place(machine="xeon-96c-24gb"), "machine xeon-96c-24gb: the run had"),
    "a label of more memory": (
        "memory",
        both(place(machine="xeon-2c-4096gb"), machine(cores=2)),
        "machine xeon-2c-4096gb: the run had",
    ),
    "a label of another processor": (
        "memory",
        both(place(machine="apple-m9-2c-24gb"), machine(cores=2, cpu="AMD EPYC", memory_bytes=24 * 2**30)),
        "machine apple-m9-2c-24gb: the run's processor was AMD EPYC",
    ),
    "Yardstick's own label": ("memory", place(machine="github-ubuntu-24.04"), "labels that begin with github-"),
}

LATENCY: dict[str, tuple[str, Forge, str]] = {
    "no rows": ("latency", lambda draft: draft.rows.clear(), "it holds no rows"),
    "negative time": ("latency", row("ttft_s", -0.001), "ttft_s: -0.001 is not possible"),
    "no time": ("latency", row("e2e_s", 0.0), "e2e_s: 0.0 is not possible"),
    "endless time": ("latency", row("e2e_s", float("inf")), "e2e_s: inf is no time"),
    "not a time": ("latency", row("e2e_s", float("nan")), "e2e_s: nan is no time"),
    "a year": ("latency", row("e2e_s", 1e9), "longer than a year"),
    "a negative gap": ("latency", lambda draft: draft.row["itl_s"].__setitem__(0, -1e-3), "itl_s: -0.001"),
    "an empty gap": ("latency", lambda draft: draft.row["itl_s"].__setitem__(0, None), "itl_s: an empty value"),
    "a sum that is none": ("latency", scaled("e2e_s", 0.5), "ttft_s and itl_s add up to"),
    "too few gaps": ("latency", lambda draft: draft.row["itl_s"].pop(), "6 gaps between 8 tokens"),
    "more tokens than asked": ("latency", row("output_tokens", 80), "output_tokens: 80, but 8 were asked"),
    "fewer tokens than asked": ("latency", row("output_tokens", 2), "decodes all 8 that are asked"),
    "tokens that vary": ("latency", lambda draft: draft.rows[4].update(prompt_tokens=3), "for the same prompt"),
    "tokens shorter than bytes": ("latency", rows("prompt_tokens", 100_000), "prompt_tokens: 100000"),
    "a prompt left out": ("latency", rows("prompt", 0), "the prompts are not given in turn"),
    "a request left out": ("latency", lambda draft: draft.rows.pop(2), "the numbers are not 0, 1, 2"),
    "more requests than the protocol": (
        "latency",
        lambda draft: draft.rows.extend(
            {**draft.rows[number % 4], "request": number} for number in range(len(draft.rows), 12)
        ),
        "12 rows, the protocol ends at 6",
    ),
    "the slow requests left out": (
        "latency",
        both(lambda draft: draft.rows.pop(), sampling(stopped_by="count", relative_interval=None)),
        "sampling ended by count after 5 rows, the protocol says 6",
    ),
    "longer than the measurement": ("latency", both(slowed, guards(wall_s=0.001)), "the whole measurement 0.001 s"),
    "an interval of its own": ("latency", sampling(relative_interval=0.9), "sampling relative_interval: 0.9"),
    "ended by time at once": ("latency", sampling(stopped_by="seconds"), "sampling ended by time after"),
    "ended by gain": ("latency", sampling(stopped_by="gain"), "which only concurrency does"),
    "ended by whim": ("latency", sampling(stopped_by="whim"), "run.sampling.stopped_by"),
    "times of an engine that tells none": ("latency", row("engine_decode_s", 0.001), "tells no times of its own"),
    "a hash that is none": ("latency", row("output_hash", "same"), "not a hash of 16 digits"),
    "no hash": ("latency", rows("output_hash", ""), "output_hash: empty"),
}

OTHERS: dict[str, tuple[str, Forge, str]] = {
    "faster than latency": ("throughput", scaled("wall_s", 1e-3), "more than"),
    "slower than latency": ("throughput", both(scaled("wall_s", 1e3), guards(wall_s=1e6)), "more than"),
    "other prompts than latency": ("throughput", rows("prompt_tokens", 50), "prompt_tokens: 50, the same prompts have"),
    "tokens that nobody asked": ("throughput", row("output_tokens", 10**6), "run 0: output_tokens: 1000000"),
    "runs left out": ("throughput", lambda draft: draft.rows.pop(), "sampling relative_interval"),
    "levels of its own": ("concurrency", lambda draft: draft.rows[1].update(in_flight=64), "are not the first of"),
    "requests left out": ("concurrency", row("requests", 99), "requests: 99, the protocol makes 1"),
    "a request without times": ("concurrency", row("e2e_s", []), "not one value for each of 1 requests"),
    "an end before the first token": (
        "concurrency",
        lambda draft: draft.row.update(e2e_s=[value / 1e3 for value in draft.row["e2e_s"]]),
        "ends before its first token",
    ),
    "a level quicker than its requests": (
        "concurrency",
        lambda draft: draft.row.update(e2e_s=[1e3 * value for value in draft.row["e2e_s"]]),
        "takes longer than all of its level",
    ),
    "one request faster than latency": (
        "concurrency",
        lambda draft: [
            level.update({name: [value / 1e3 for value in level[name]] for name in ("ttft_s", "e2e_s")})
            for level in draft.rows
        ],
        "one request alone takes",
    ),
    "no gain that is one": (
        "concurrency",
        both(sampling(stopped_by="gain"), guards(wall_s=1e6), lambda draft: draft.row.update(wall_s=1e3)),
        "the last level gained",
    ),
    "lengths of its own": ("long_text", lambda draft: draft.rows[0].update(length=17), "are not the first of"),
    "lengths without answers": ("long_text", lambda draft: draft.rows.pop(), "part: not prompts and then one row"),
    "fewer requests": ("long_text", row("requests", 9), "requests: 9, the protocol makes 1"),
    "a prompt of one token": ("long_text", row("prompt_tokens", 1), "prompt_tokens: 1 a prompt, asked were 16"),
    "a first token for nothing": ("long_text", row("ttft_s", [1e-9]), "ttft_s and itl_s add up to"),
    "gaps that are no numbers": ("long_text", row("itl_s", [[float("nan")]]), "itl_s: nan is no time"),
    "a memory that shrinks": ("long_text", row("peak_bytes", 1), "peak_bytes: less than before the request"),
    "more tokens than asked": (
        "long_text",
        lambda draft: draft.rows[-1].update(length=9999),
        "output_tokens: 16, and transformers decodes all 9999",
    ),
    "a peak below the rest": ("memory", row("peak_load_bytes", 1), "peak_load_bytes: 1 lies below rss_after_bytes"),
    "a model without weights": (
        "memory",
        lambda draft: draft.row.update(
            dict.fromkeys(("rss_after_bytes", "peak_load_bytes", "peak_decode_bytes"), draft.row["rss_before_bytes"])
        ),
        "172352 parameters need",
    ),
    "more memory than the machine": ("memory", machine(memory_bytes=2**27), "the machine has 134217728"),
    "a set larger than the resident": ("memory", row("pss_after_bytes", 2**40), "more than the resident set"),
    "a negative size": ("memory", row("rss_before_bytes", -1), "rss_before_bytes: -1 is not possible"),
    "two rows": ("memory", lambda draft: draft.rows.append(draft.row), "2 rows where one is measured"),
    "an accelerator": (
        "memory",
        lambda draft: draft.row.update(accelerator_bytes=10, accelerator_peak_bytes=10),
        "accelerator_peak_bytes: the registry says device: cpu",
    ),
    "a task left out": ("reasoning_answers", lambda draft: draft.rows.pop(), "not each task of the suite once"),
    "a task answered twice": ("reasoning_answers", lambda draft: draft.rows.append(draft.row), "not each task"),
    "another question": ("reasoning_answers", row("prompt", "Say 25."), "prompt: the question is not in it"),
    "a long thought": ("reasoning_answers", row("output_tokens", 10**5), "output_tokens: 100000, the suite allows"),
    "an answer of no tokens": ("reasoning_answers", row("output_tokens", 0), "letters of 0 tokens"),
    "an end of its own": ("reasoning_answers", row("finish", "done"), "finish: neither stop nor length"),
    "ended by length too early": (
        "reasoning_answers",
        both(row("finish", "length"), row("output_tokens", 3), row("answer", "a b c")),
        "finish: ended by length after 3 tokens",
    ),
    "a score that is not earned": (
        "reasoning",
        lambda draft: draft.row.update(solved=not draft.row["solved"]),
        "solved is not what the answer scores",
    ),
    "an easier category": ("reasoning", row("category", "easy"), "category is not what the answer scores"),
    "scores of another run": (
        "reasoning",
        run(measured_at="2026-01-01T00:00:00Z"),
        "its run is not that of the answers",
    ),
}

FORGERIES = {**FILES, **IDENTITY, **RUNS, **LATENCY, **OTHERS}
# What a forged shard is held against.
PARTNERS = {"throughput": ["latency"], "concurrency": ["latency"], "reasoning": ["reasoning_answers"]}
