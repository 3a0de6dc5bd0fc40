"""Working copies whose jobs run on a real SLURM, and their runs."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml
from slurm_cluster import SlurmCluster
from working_copy import WorkingCopy

SITE = "workflow/profiles/slurm/site.yaml"
RUN_LIMIT_S = 240


class SlurmCopy(WorkingCopy):
    """A working copy that is run with the SLURM profile."""

    def __init__(self, root: Path, cluster: SlurmCluster) -> None:
        super().__init__(root)
        self.cluster = cluster
        self._temporary = root.parent / "tmp"
        self._temporary.mkdir(exist_ok=True)
        self.site(machine="test-node", threads=2, cluster={"minutes": 5})

    def site(self, **settings: object) -> None:
        (self.root / SITE).write_text(yaml.safe_dump(settings))

    def command(self, *arguments: str, cores: int = 1) -> list[str]:
        profile = ["--profile", "workflow/profiles/slurm", "--slurm-init-seconds-before-status-checks", "2"]
        return [sys.executable, "-m", "snakemake", *profile, *arguments]

    def environment(self) -> dict[str, str]:
        # A folder for temporary files of its own, so that a test can hold the lock of the machine.
        return super().environment() | self.cluster.environment | {"TMPDIR": str(self._temporary)}

    def keep_models(self, **changes: dict[str, object]) -> None:
        """Leave in the registry only copies of yardstick-mini, under the names given and with their changes."""
        file = self.root / "config/models.yaml"
        mini = yaml.safe_load(file.read_text())["models"][0]
        models = [mini | {"id": name.replace("_", "-")} | change for name, change in changes.items()]
        file.write_text(yaml.safe_dump({"models": models}))

    @contextlib.contextmanager
    def running(self, *arguments: str) -> Iterator[Run]:
        """Run Snakemake in the background; it is killed at the end if it still runs."""
        with (self.root / "output.txt").open("w") as output:
            process = subprocess.Popen(
                self.command(*arguments),
                cwd=self.root,
                env=self.environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            run = Run(process, self)
            try:
                yield run
            finally:
                run.kill()

    @contextlib.contextmanager
    def held_back(self) -> Iterator[Callable[[], None]]:
        """Hold the lock of the machine: jobs start and then wait, without computing. Yields what lets them go on."""
        with (self._temporary / "yardstick-machine.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield lambda: fcntl.flock(file, fcntl.LOCK_UN)

    def jobs(self, model: str = "") -> dict[str, str]:
        """Return number -> state of all jobs of this working copy, or of one model, in the order of submission."""
        lines = self.cluster.run("squeue", "--noheader", "--states=all", "--format=%i|%T|%j|%Z|%k").splitlines()
        fields = sorted((line.split("|") for line in lines), key=lambda job: int(job[0]))
        return {
            job: state
            for job, state, _, folder, comment in fields
            if Path(folder) == self.root and (not model or comment.split("/")[1] == model)
        }

    def asked(self, model: str, field: str) -> list[str]:
        """Return what each job of a model asked for: a field of squeue, %m for memory, %l for the time limit."""
        options = ("--noheader", "--states=all", f"--format={field}")
        return [self.cluster.run("squeue", *options, f"--job={job}") for job in self.jobs(model)]

    def wait_for_waiting(self, *models: str) -> None:
        """Wait until a job of each model is held back by the machine's lock."""
        for model in models:
            self.cluster.wait_for(lambda model=model: self._is_waiting(model), 90)

    def _is_waiting(self, model: str) -> bool:
        running = [job for job, state in self.jobs(model).items() if state == "RUNNING"]
        logs = (self.root / ".snakemake/slurm_logs").rglob(f"{running[-1]}.log") if running else []
        return any("waits: this machine is measuring" in log.read_text() for log in logs)


class Run:
    """A Snakemake process in the background."""

    def __init__(self, process: subprocess.Popen[bytes], copy: SlurmCopy) -> None:
        self._process = process
        self._copy = copy

    @property
    def output(self) -> str:
        return (self._copy.root / "output.txt").read_text()

    def wait(self, limit_s: float = RUN_LIMIT_S) -> int:
        """Return the exit status when the run has ended."""
        try:
            return self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {limit_s} s:\n{self.output}") from None

    def wait_for_line(self, pattern: str, limit_s: float = 90) -> None:
        deadline_s = time.monotonic() + limit_s
        while not re.search(pattern, self.output):
            assert time.monotonic() < deadline_s, f"no {pattern!r} in:\n{self.output}"
            time.sleep(0.2)

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.killpg(self._process.pid, signal.SIGINT)

    def kill(self) -> None:
        """Kill the main process and all that it started here, but not its jobs."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
