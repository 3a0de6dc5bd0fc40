"""Models in servers, through the whole workflow: fakes that keep the protocols, each in a process's own threads."""

from __future__ import annotations

import json
from typing import Any

from servers.fake_llama_server import FakeLlamaServer
from servers.fake_ollama import FakeOllama, OllamaModel
from servers.schedule import Schedule
from working_copy import WorkingCopy

SCHEDULE = Schedule(ttft_ms=4, gaps_ms=(1,))
COMMON: dict[str, Any] = {"tier": "ci_safe", "context_length": 512, "chat_template": True, "parameters": 1000}
COMMON |= {"license": "mit", "description": "In a server.", "memory_mb": 10}
METRICS = {"reasoning_answers", "reasoning", "latency", "throughput", "memory", "concurrency", "long_text"}


def register(copy: WorkingCopy, **fields: Any) -> None:
    file = copy.root / "config/models.yaml"
    file.write_text(f"{file.read_text().rstrip()}\n\n  - {json.dumps(COMMON | fields)}\n")


def rows(copy: WorkingCopy) -> dict[str, dict[str, Any]]:
    document = json.loads((copy.root / "leaderboard/leaderboard.json").read_text())
    return {row["model"]: row for row in document["rows"]}


def metrics(copy: WorkingCopy, model: str) -> list[str]:
    return sorted(path.split("/")[0].removeprefix("metric=") for path in copy.shards() if f"model={model}/" in path)


def test_a_running_server_has_a_row_and_its_version_is_part_of_it(working_copy: WorkingCopy) -> None:
    server = FakeLlamaServer(schedule=SCHEDULE)
    with server.running():
        register(
            working_copy,
            id="served",
            backend="openai",
            source={"served": server.model},
            server={"url": server.url},
        )
        working_copy.snakemake("ci_safe", "--config", "models=served")
        assert set(metrics(working_copy, "served")) == METRICS
        row = rows(working_copy)["served"]
        assert row["latency"]["mean_s"] > 0.004
        assert row["environment"]["server"] == {"llama-server": server.version}
        asked = len(server.requests)
        working_copy.snakemake("ci_safe", "--config", "models=served")
        # Only its version was asked for: nothing is measured twice.
        assert not [seen for seen in server.requests[asked:] if seen.sent]
        server.version = "b9999-newer"
        working_copy.snakemake("ci_safe", "--config", "models=served")
    assert len(metrics(working_copy, "served")) == 2 * len(METRICS)


def test_a_model_is_pulled_measured_and_unloaded(working_copy: WorkingCopy) -> None:
    server = FakeOllama(schedule=SCHEDULE, model="other:latest", library=("tiny:1b",))
    digest = OllamaModel("tiny:1b").digest
    with server.running():
        working_copy.edit_yaml("config/config.yaml", engines__ollama__url=server.url)
        register(working_copy, id="pulled", backend="ollama", source={"ollama": "tiny:1b", "digest": digest[:12]})
        working_copy.snakemake("ci_safe", "--config", "models=pulled")
        assert len(server.asked("/api/pull")) == 1
        assert set(metrics(working_copy, "pulled")) == METRICS
        assert "short" not in rows(working_copy)["pulled"]["flags"]
        assert server.loaded is None


def test_a_server_that_is_not_there_is_one_line(working_copy: WorkingCopy) -> None:
    register(working_copy, id="served", backend="openai", source={"served": "x"}, server={"url": "http://127.0.0.1:9"})
    done = working_copy.snakemake("ci_safe", "--config", "models=served")
    printed = done.stdout + done.stderr
    assert "left out: served: no server answers at http://127.0.0.1:9; start it, or correct server.url" in printed
    assert working_copy.shards() == set()
