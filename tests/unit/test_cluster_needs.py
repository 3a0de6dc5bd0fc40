"""What jobs ask of a cluster, and that one label stands for one kind of node."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from working_copy import ROOT
from yardstick import needs
from yardstick.config import load_config
from yardstick.errors import YardstickError
from yardstick.machine import machine_facts
from yardstick.machine_label import check_hardware, describe_hardware
from yardstick.registry import ModelEntry, load_registry
from yardstick.shard_paths import ShardPath
from yardstick.shards import METADATA_KEY

CONFIG = load_config(ROOT / "config/config.yaml")
MINI = load_registry(ROOT / "config/models.yaml")["yardstick-mini"]


def entry(**changes: object) -> ModelEntry:
    return ModelEntry.model_validate(MINI.model_dump(exclude_none=True) | changes)


def test_memory_is_in_slurms_unit_and_grows_with_each_attempt() -> None:
    # 600 MB of 1e6 bytes are 573 of 2**20, and 500 are for Snakemake.
    assert [needs.memory_mb(MINI, CONFIG, attempt) for attempt in (1, 2)] == [1073, 2146]


def test_a_server_gets_the_time_that_it_may_take_to_start() -> None:
    assert needs.minutes(MINI, CONFIG, 1) == 60
    assert needs.minutes(entry(backend="vllm"), CONFIG, 1) == 75
    assert needs.minutes(entry(backend="vllm"), CONFIG, 2) == 150


@pytest.mark.parametrize(
    ("changes", "expected"), [({}, 0), ({"device": "cuda"}, 1), ({"device": "cuda", "gpus": 4}, 4), ({"gpus": 0}, 0)]
)
def test_gpus_are_those_of_the_registry_or_one_for_cuda(changes: dict[str, object], expected: int) -> None:
    assert needs.gpus(entry(**changes)) == expected


def test_the_first_machine_of_a_label_says_what_it_stands_for(tmp_path: Path) -> None:
    check_hardware("cluster-a", None, tmp_path, tmp_path)
    check_hardware("cluster-a", None, tmp_path, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["cluster-a"]
    (tmp_path / "cluster-a").write_text("another-64c-512gb\n")
    with pytest.raises(YardstickError, match="'cluster-a' stands for another-64c-512gb, but this node is"):
        check_hardware("cluster-a", None, tmp_path, tmp_path)


def test_on_a_fresh_clone_the_newest_result_says_what_its_label_stands_for(tmp_path: Path) -> None:
    claims, results = tmp_path / "claims", tmp_path / "results"
    machine = machine_facts() | {"cores": 64, "accelerators": ["NVIDIA A100", "NVIDIA A100"]}
    for name, measured_at in (("cluster-a", "2026-01-01T00:00:00Z"), ("cluster-b", "2026-02-01T00:00:00Z")):
        path = ShardPath("latency", "gpt2", name, "a" * 16, "b" * 16).below(results)
        path.parent.mkdir(parents=True)
        document = {"identity": {}, "run": {"measured_at": measured_at, "machine": machine}}
        schema = pa.schema([], metadata={METADATA_KEY: json.dumps(document).encode()})
        pq.write_table(schema.empty_table(), path)
    with pytest.raises(YardstickError, match=r"-64c-\d+gb\+2x-nvidia-a100, but this node is"):
        check_hardware("cluster-a", None, claims, results)
    check_hardware("cluster-c", None, claims, results)


def test_the_settings_may_say_what_a_label_stands_for(tmp_path: Path) -> None:
    check_hardware("cluster-a", describe_hardware(machine_facts()), tmp_path, tmp_path)
    with pytest.raises(YardstickError, match="stands for another-64c-512gb"):
        check_hardware("cluster-a", "another-64c-512gb", tmp_path, tmp_path)
