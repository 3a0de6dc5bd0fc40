"""Measure blocks of two revisions side by side, by the programs that each revision measures with."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from yardstick import forkserver
from yardstick.errors import YardstickError
from yardstick.paths import CONFIG
from yardstick.regressions.paired import Pair

METRICS = ("latency", "throughput")
# Observations in one block: few, since blocks and not requests are compared.
BLOCK = {"latency": 12, "throughput": 3}
# Settings of a block. Each revision takes the names that it knows.
_SHORT = {
    metric: {**dict.fromkeys([f"least_{name}", f"most_{name}", name], BLOCK[metric]), "least_s": 0}
    for metric, name in (("latency", "requests"), ("throughput", "runs"))
}
# Settings that make two revisions measure different things.
_SAME = {"latency": ("max_new_tokens", "prompts"), "throughput": ("max_new_tokens", "prompts")}
_CONFIG = Path("resources/runs/compare.json")
_SOCKET = Path("resources/runs/compare.sock")

# Run in a revision's folder with its own package: where that revision puts a result.
_LOCATE = """
import json, sys
from pathlib import Path
sys.path.insert(0, "scripts")
from yardstick.config import load_config
from yardstick.errors import YardstickError
from yardstick.inputs import load_inputs
from yardstick.plan import Plan
try:
    plan = Plan(load_inputs(Path(), load_config(Path(sys.argv[1])), int(sys.argv[2])))
    models = [name for name in sys.argv[3].split(",") if name in plan.inputs.registry]
    paths = {name: {metric: f"results/{plan.path(metric, plan.inputs.registry[name])}" for metric in sys.argv[4:]} for name in models}
except YardstickError as error:
    sys.exit(str(error))
print(json.dumps(paths))
"""


@dataclass
class Revision:
    """A checked-out revision, ready to measure.

    Attributes:
        name: what to call it in messages.
        folder: where it is checked out.
        python: the interpreter with its requirements.
        threads: threads of a measurement.
        protocol: its settings, shortened to a block.
        paths: model -> metric -> where it writes a result, below its folder.
    """

    name: str
    folder: Path
    python: Path
    threads: int
    protocol: dict[str, Any] = field(default_factory=dict)
    paths: dict[str, dict[str, str]] = field(default_factory=dict)

    def prepare(self, models: Sequence[str]) -> None:
        """Write the settings of a block, and ask the revision where it would put the results.

        Raises:
            YardstickError: its settings or registry are not valid; the line is the revision's own.
        """
        config = yaml.safe_load((self.folder / CONFIG).read_text(encoding="utf-8"))
        for metric, settings in _SHORT.items():
            known = config["protocol"][metric]
            known.update({name: value for name, value in settings.items() if name in known})
        self.protocol = config["protocol"]
        file = self.folder / _CONFIG
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(config), encoding="utf-8")
        done = self._run("-c", _LOCATE, str(_CONFIG), str(self.threads), ",".join(models), *METRICS)
        if done.returncode:
            raise YardstickError(f"{self.name}: {_last_line(done.stderr)}")
        self.paths = json.loads(done.stdout)

    @contextmanager
    def fork_server(self) -> Iterator[None]:
        """Let the revision's measurements fork from one process that has imported its libraries, where it can."""
        script = self.folder / "scripts/run_fork_server.py"
        if not script.exists() or not forkserver.is_available():
            yield
            return
        command = [str(self.python), "scripts/run_fork_server.py", str(_SOCKET)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, cwd=self.folder, env=self._environment(), **pipes) as server:  # type: ignore[call-overload]
            server.stdout.readline()
            try:
                yield
            finally:
                server.stdin.close()

    def measure(self, model: str, metric: str) -> list[float]:
        """Measure one block in a process of its own; return seconds per request, or per token of each run.

        Raises:
            YardstickError: the measurement failed; the line is its own.
        """
        shard = self.paths[model][metric]
        arguments = ["--model", model, "--config", str(_CONFIG), "--threads", str(self.threads), "--output", shard]
        done = self._run(f"scripts/measure_{metric}.py", *arguments)
        if done.returncode:
            raise YardstickError(f"{self.name}: {_last_line(done.stderr)}")
        file = self.folder / shard
        table = pq.ParquetFile(file).read(["e2e_s"] if metric == "latency" else ["output_tokens", "wall_s"])
        file.unlink()
        rows = table.to_pylist()
        return [row["e2e_s"] if metric == "latency" else row["wall_s"] / row["output_tokens"] for row in rows]

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.python), *arguments],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    def _environment(self) -> dict[str, str]:
        known = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", forkserver.VARIABLE}}
        server = {forkserver.VARIABLE: str(_SOCKET)} if (self.folder / _SOCKET).exists() else {}
        return {**known, **server}


def check_comparable(base: Revision, head: Revision) -> None:
    """Refuse two revisions that measure different things.

    Raises:
        YardstickError: the setting that differs is named.
    """
    for metric, names in _SAME.items():
        for name in names:
            before, after = (
                revision.protocol[metric].get(name, revision.protocol.get(name)) for revision in (base, head)
            )
            if before != after:
                raise YardstickError(
                    f"protocol.{metric}.{name} differs between base and head, so their times cannot be compared; "
                    "change it in a commit of its own"
                )


def measure_pairs(
    base: Revision, head: Revision, model: str, metric: str, pairs: int, progress: Callable[[int], None]
) -> list[Pair]:
    """Return pairs of blocks, measured base, head, head, base, and so on: a steady drift favours neither.

    Args:
        base: the revision to compare with.
        head: the revision to judge.
        model: the model.
        metric: ``latency`` or ``throughput``.
        pairs: how many pairs.
        progress: told how many pairs are done.
    """
    done: list[Pair] = []
    for number in range(pairs):
        first, second = (base, head) if number % 2 == 0 else (head, base)
        times = {revision.name: revision.measure(model, metric) for revision in (first, second)}
        done.append((times[base.name], times[head.name]))
        progress(len(done))
    return done


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "ended without a word"
