"""The stand-ins for `vllm` and `trtllm-serve` take the real command line, and fail as they are told."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

HERE = Path(__file__).resolve().parent
VLLM, TRTLLM = HERE / "fake_vllm_command.py", HERE / "fake_trtllm_command.py"


class Started:
    """A stand-in that runs."""

    def __init__(self, process: subprocess.Popen[str], url: str, record: Path) -> None:
        self.process, self.url, self._record = process, url, record

    def record(self) -> dict[str, Any]:
        self._until(self._record.exists)
        found: dict[str, Any] = json.loads(self._record.read_text())
        return found

    def wait_until_healthy(self) -> None:
        self._until(self._is_healthy)

    def _is_healthy(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/health", trust_env=False).status_code == httpx.codes.OK
        return False

    @staticmethod
    def _until(condition: Any) -> None:
        end_s = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end_s
            time.sleep(0.02)


@contextlib.contextmanager
def started(folder: Path, program: Path, *arguments: str, faults: str = "") -> Iterator[Started]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    record = folder / "record.json"
    environment = {**os.environ, "FAKE_SERVER_RECORD": str(record), "FAKE_SERVER_FAULTS": faults}
    process = subprocess.Popen(
        [str(program), *arguments, "--host", "127.0.0.1", "--port", str(port)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    place = Started(process, f"http://127.0.0.1:{port}", record)
    try:
        yield place
    finally:
        pids = json.loads(record.read_text()) if record.exists() else {"pid": process.pid, "child": process.pid}
        for pid in (pids["pid"], pids["child"]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_vllm_serves_under_the_name_that_was_asked_for(tmp_path: Path) -> None:
    words = ["serve", "/models/x", "--served-model-name", "mine", "--max-model-len", "64", "--no-enable-prefix-caching"]
    with started(tmp_path, VLLM, *words) as server:
        server.wait_until_healthy()
        (model,) = httpx.get(f"{server.url}/v1/models", trust_env=False).json()["data"]
        metrics = httpx.get(f"{server.url}/metrics", trust_env=False).text
        record = server.record()
    assert (model["id"], model["max_model_len"]) == ("mine", 64)
    assert 'enable_prefix_caching="False"' in metrics
    assert record["arguments"][:2] == ["serve", "/models/x"]
    assert record["pid"] == server.process.pid


def test_trtllm_reads_its_settings_and_takes_the_folder_for_a_name(tmp_path: Path) -> None:
    (tmp_path / "my-model").mkdir()
    settings = tmp_path / "settings.yml"
    settings.write_text('{"kv_cache_config": {"enable_block_reuse": false}, "enable_iter_perf_stats": true}')
    words = ["serve", str(tmp_path / "my-model"), "--max_seq_len", "64", "--config", str(settings)]
    with started(tmp_path, TRTLLM, *words) as server:
        server.wait_until_healthy()
        body = {"model": "my-model", "prompt": "a", "max_tokens": 1}
        assert httpx.post(f"{server.url}/v1/completions", json=body, trust_env=False).json()["model"] == "my-model"
        assert len(httpx.get(f"{server.url}/metrics", trust_env=False).json()) == 1


@pytest.mark.parametrize(
    "words", [["serve", "x", "--max_model_len", "4"], ["serve", "x", "--no-such-flag"], ["sevre", "x"]]
)
def test_a_flag_that_vllm_does_not_have_ends_it(tmp_path: Path, words: list[str]) -> None:
    with started(tmp_path, VLLM, *words) as server:
        assert server.process.wait() == 2


def test_a_crash_at_start_leaves_a_traceback(tmp_path: Path) -> None:
    with started(tmp_path, VLLM, "serve", "x", faults="crash") as server:
        assert server.process.wait() == 1
        assert server.process.stdout is not None
        assert (
            server.process.stdout.read().splitlines()[-1]
            == "ValueError: no room for the cache: raise gpu_memory_utilization"
        )


def test_a_later_crash_comes_after_the_first_question(tmp_path: Path) -> None:
    with started(tmp_path, VLLM, "serve", "x", faults="crash_later") as server:
        server.wait_until_healthy()
        assert server.process.wait() == 1


def test_an_unhealthy_server_answers_503(tmp_path: Path) -> None:
    with started(tmp_path, VLLM, "serve", "x", faults="unhealthy") as server:
        server._until(lambda: _status(server.url) is not None)
        assert _status(server.url) == 503


def test_a_deaf_server_and_its_child_ignore_sigterm(tmp_path: Path) -> None:
    with started(tmp_path, VLLM, "serve", "x", faults="deaf silent") as server:
        pids = server.record()
        assert all(_ignores_sigterm(pids[name]) for name in ("pid", "child"))


def test_a_stray_child_is_in_no_group_of_its_parent(tmp_path: Path) -> None:
    with started(tmp_path, VLLM, "serve", "x", faults="stray silent") as server:
        pids = server.record()
        assert os.getpgid(pids["child"]) == pids["child"]
        assert os.getpgid(pids["pid"]) == pids["pid"]


def test_a_good_server_ends_at_sigterm(tmp_path: Path) -> None:
    with started(tmp_path, VLLM, "serve", "x") as server:
        server.wait_until_healthy()
        server.process.terminate()
        assert server.process.wait() == 0


def _status(url: str) -> int | None:
    try:
        return httpx.get(f"{url}/health", trust_env=False).status_code
    except httpx.HTTPError:
        return None


def _ignores_sigterm(pid: int) -> bool:
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigIgn:"))
    return bool(int(line.split()[1], 16) & 1 << (signal.SIGTERM - 1))
