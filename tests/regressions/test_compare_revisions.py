"""`make compare` for real, in a repository of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from working_copy import WorkingCopy


def git(copy: WorkingCopy, *arguments: str) -> str:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *arguments], cwd=copy.root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(copy: WorkingCopy, message: str) -> str:
    git(copy, "add", "--all")
    git(copy, "commit", "--quiet", "--message", message)
    return git(copy, "rev-parse", "HEAD")


def compare(copy: WorkingCopy, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "scripts/compare_revisions.py", *arguments]
    environment = {**copy.environment(), "TMPDIR": str(copy.root.parent)}
    return subprocess.run(command, cwd=copy.root, env=environment, capture_output=True, text=True, check=False)


def is_clean(copy: WorkingCopy) -> bool:
    """Tell whether no folder of a comparison is left, nor git's note of one."""
    left = list(copy.root.parent.glob("yardstick-compare-*"))
    return not left and len(git(copy, "worktree", "list").splitlines()) == 1


@pytest.fixture
def repository(working_copy: WorkingCopy) -> WorkingCopy:
    """A working copy in which everything is committed as ``base``."""
    (working_copy.root / ".gitignore").write_text("/resources/\n/logs/\n/results/\n__pycache__/\n")
    git(working_copy, "init", "--quiet", "--initial-branch", "main")
    commit(working_copy, "base")
    git(working_copy, "tag", "base")
    return working_copy


@pytest.mark.slow
def test_a_slower_head_is_found_and_a_slower_base_is_none(repository: WorkingCopy) -> None:
    # Each token waits in the streamer: slower by far more than 5 %, whatever the machine.
    file = "scripts/yardstick/backends/transformers.py"
    repository.replace(
        file, "        now = time.perf_counter()\n", "        time.sleep(0.01)\n        now = time.perf_counter()\n"
    )
    commit(repository, "slow")
    options = ["--models", "yardstick-mini", "--metrics", "latency", "--pairs", "8"]
    slower = compare(repository, "--base", "base", *options)
    assert slower.returncode == 1, slower.stdout + slower.stderr
    assert slower.stdout.startswith("## ")
    assert "| yardstick-mini | latency | " in slower.stdout
    assert slower.stdout.rstrip().endswith("| slower |")
    assert is_clean(repository)
    faster = compare(repository, "--base", "HEAD", "--head", "base", *options)
    assert faster.returncode == 0, faster.stdout + faster.stderr
    assert faster.stdout.rstrip().endswith("| faster |")


@pytest.mark.slow
def test_throughput_and_two_models_are_measured_too(repository: WorkingCopy) -> None:
    (repository.root / "notes").write_text("nothing")
    commit(repository, "notes")
    done = compare(repository, "--base", "base", "--metrics", "throughput", "--pairs", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not slower than" in done.stdout
    assert [line.split(" | ")[1] for line in done.stdout.splitlines()[-2:]] == ["throughput"] * 2
    assert is_clean(repository)


def edit(copy: WorkingCopy, path: str, text: str) -> None:
    file = copy.root / path
    file.write_text(file.read_text() + text)


def test_what_cannot_be_compared_is_refused_in_one_line(repository: WorkingCopy) -> None:
    def refusal(*arguments: str) -> str:
        done = compare(repository, *arguments)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert is_clean(repository)
        return [line for line in done.stderr.splitlines() if line.startswith("error: ")][-1]

    assert "'nowhere' is no revision here; fetch it first" in refusal("--base", "nowhere")
    assert "none of these models in common" in refusal("--base", "base", "--models", "unheard-of")
    repository.edit_yaml("config/config.yaml", protocol__latency__max_new_tokens=9)
    commit(repository, "longer")
    assert "protocol.latency.max_new_tokens differs between base and head" in refusal("--base", "base")
    edit(repository, "config/models.yaml", "broken: [\n")
    broken = commit(repository, "broken")
    assert refusal("--base", "base", "--head", broken, "--models", "yardstick-mini").startswith(
        "error: head: config/models.yaml: "
    )
    edit(repository, "envs/requirements.txt", "another==1\n")
    commit(repository, "requirements")
    assert "requirements.txt differs between base and head" in refusal("--base", broken)


@pytest.mark.slow
def test_a_measurement_that_fails_is_named_and_leaves_nothing(repository: WorkingCopy) -> None:
    weights = next(Path(repository.root / "workflow/resources/embedded/yardstick-mini").glob("*.safetensors"))
    weights.write_bytes(b"nothing")
    commit(repository, "broken weights")
    done = compare(repository, "--base", "base", "--models", "yardstick-mini", "--metrics", "latency", "--pairs", "2")
    assert done.returncode == 1
    assert "error: head: latency yardstick-mini: error: yardstick-mini: the model cannot be loaded" in done.stderr
    assert "Traceback" not in done.stderr
    assert is_clean(repository)
