"""The shape of `leaderboard.json`: the source of its JSON Schema, of the CSV columns and of their explanations."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from yardstick.leaderboard.outlook_document import Outlook
from yardstick.leaderboard.part import Part as Part
from yardstick.registry import Tier

SCHEMA_REFERENCE = "../workflow/schemas/leaderboard.schema.json"
VERSION: Literal[1] = 1

Interval = Annotated[list[float], Field(min_length=2, max_length=2)]
TooFew = Annotated[str, Field(pattern=r"^n/a \([0-9]+<[0-9]+\)$")]
Time = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")]
Metric = Literal["reasoning", "latency", "throughput", "memory", "concurrency", "long_text"]
# How an interval was made, see docs/statistics.md: Wilson for a share, BCa bootstrap or Student t for a mean.
MeanMethod = Literal["bca", "t"]


class CategoryScore(Part):
    """Tasks of one category."""

    solved: int = Field(ge=0, description="tasks solved, a count")
    n: int = Field(ge=1, description="tasks asked, a count")


class SuiteScore(Part):
    """Score of one suite."""

    score: float = Field(ge=0, le=1, description="share of the tasks solved by the greedy answers, 0 to 1")
    solved: int = Field(ge=0, description="tasks solved, a count")
    n: int = Field(
        ge=1, description="tasks asked, a count; fewer than the suite has where the interval was narrow enough"
    )
    interval: Interval = Field(description="95 % interval of the score, 0 to 1")
    method: Literal["wilson"] = Field(description="how the interval of the score was made: wilson")
    solved_tasks: list[str] = Field(description="ids of the tasks solved, sorted")
    failed_tasks: list[str] = Field(description="ids of the tasks asked and not solved, sorted")
    pass_at: dict[str, float] = Field(
        description="k -> chance that one of k drawn answers solves a task, 0 to 1 (unbiased estimate); none were drawn: empty"
    )
    by_category: dict[str, CategoryScore] = Field(description="tasks solved of tasks asked in each category, counts")
    measured_at: Time = Field(description="when the tasks were answered, UTC")
    machine: str = Field(description="label of the machine that answered the tasks")


class Sampling(Part):
    """What ended the sampling of a metric."""

    stopped_by: Literal["interval", "count", "seconds", "gain"] = Field(
        description="what ended the sampling: interval (precise enough), count, seconds (limits), gain (too little)"
    )
    relative_interval: float | None = Field(
        ge=0, description="half the 95 % interval over the mean when the sampling ended, a ratio"
    )


class Latency(Part):
    """Times of single requests."""

    mean_s: float = Field(ge=0, description="mean time from the start of a request to its last new token, seconds")
    interval: Interval | None = Field(description="95 % interval of the mean time, seconds")
    method: MeanMethod | None = Field(description="how the interval of the mean time was made: bca or t")
    p50_s: float | TooFew = Field(description="median of these times, seconds; n/a (have<need) for too few requests")
    p50_interval: Interval | None = Field(description="95 % BCa interval of the median time, seconds")
    p90_s: float | TooFew = Field(description="90th percentile of these, seconds; n/a (have<need) for too few requests")
    n: int = Field(ge=1, description="requests timed, a count")
    sampling: Sampling | None
    output_tokens: int = Field(ge=0, description="new tokens of a request, the fewest where they differ, a count")


class TimeToFirstToken(Part):
    """Times to the first token of the same requests."""

    mean_s: float = Field(ge=0, description="mean time from the start of a request to its first new token, seconds")
    interval: Interval | None = Field(description="95 % interval of the mean time to the first token, seconds")
    method: MeanMethod | None = Field(description="how the interval of the mean was made: bca or t")
    p50_s: float | TooFew = Field(description="median of these times, seconds; n/a (have<need) for too few requests")
    p50_interval: Interval | None = Field(description="95 % BCa interval of the median, seconds")
    n: int = Field(ge=1, description="requests timed, a count")


class Throughput(Part):
    """Tokens per second of independent runs."""

    tokens_per_s: float = Field(ge=0, description="mean over the runs of new tokens by wall time, tokens per second")
    interval: Interval | None = Field(description="95 % interval of that mean, tokens per second")
    method: MeanMethod | None = Field(description="how the interval of the mean was made: bca or t")
    n: int = Field(ge=1, description="runs timed, a count")
    rates: list[float] = Field(description="tokens per second of each run, in the order of the runs")
    sampling: Sampling | None


class Memory(Part):
    """How much the process tree grew over loading, and its peaks."""

    increment_mb: float = Field(
        description="resident set with the model loaded less that before loading, MB (1e6 bytes)"
    )
    peak_load_mb: float = Field(description="highest resident set while loading less that before, MB (1e6 bytes)")
    peak_decode_mb: float = Field(description="highest resident set while decoding less that before, MB (1e6 bytes)")
    pss_mb: float | None = Field(description="growth of the proportional set over loading, MB (1e6 bytes), where known")
    uss_mb: float | None = Field(description="growth of the unique set over loading, MB (1e6 bytes), where known")
    accelerator_mb: float = Field(
        ge=0, description="memory allocated on the accelerator, MB (1e6 bytes), 0 without one"
    )
    accelerator_peak_mb: float = Field(
        ge=0, description="most memory allocated on the accelerator, MB (1e6 bytes), 0 without one"
    )
    reported_mb: float | None = Field(
        ge=0, description="what the engine itself says the model takes, MB (1e6 bytes), none where it does not say"
    )
    reserved_mb: float = Field(ge=0, description="what the engine sets aside up front, used or not, MB (1e6 bytes)")
    needed_mb: float = Field(
        description="what the model needs to be run: the largest of both peaks, the accelerator's and what the engine"
        " says, MB (1e6 bytes)"
    )


class ConcurrencyLevel(Part):
    """So many requests at the same moment."""

    in_flight: int = Field(ge=1, description="requests at the same moment, a count")
    n: int = Field(ge=1, description="requests timed at the level, a count")
    tokens_per_s: float = Field(ge=0, description="new tokens of all requests by wall time, tokens per second")
    interval: Interval | None = Field(description="95 % interval of the tokens per second, over the level's rounds")
    method: MeanMethod | None = Field(description="how the interval was made: bca or t")
    rounds: int = Field(ge=1, description="rounds timed, a count; a round starts all its requests together")
    e2e_p50_s: float | TooFew = Field(
        description="median time from the start of a request to its last new token, seconds; n/a for too few requests"
    )
    e2e_p90_s: float | TooFew = Field(
        description="90th percentile of these times, seconds; n/a (have<need) for too few requests"
    )
    ttft_p50_s: float | TooFew = Field(
        description="median time to the first new token, seconds; n/a (have<need) for too few requests"
    )


class Concurrency(Part):
    """What several requests at the same moment gain and cost."""

    best_in_flight: int = Field(ge=1, description="requests in flight at the level with the most tokens/s, a count")
    best_tokens_per_s: float = Field(ge=0, description="most tokens per second of any level, tokens per second")
    levels: list[ConcurrencyLevel] = Field(min_length=1, description="levels that were measured, going up")
    sampling: Sampling | None


class LongTextLevel(Part):
    """Prompts of one length."""

    prompt_tokens: float = Field(ge=1, description="tokens of a prompt, the mean of the requests, a count")
    n: int = Field(ge=1, description="requests timed with such a prompt, a count")
    ttft_s: float = Field(ge=0, description="mean time from the start of a request to its first new token, seconds")
    ttft_p50_s: float | TooFew = Field(
        description="median of these times, seconds; n/a (have<need) for too few requests"
    )
    prefill_tokens_per_s: float = Field(ge=0, description="tokens of the prompt by the mean time to the first token")
    interval: Interval | None = Field(description="95 % interval of the prompt's tokens per second")
    method: MeanMethod | None = Field(description="how the interval was made: bca or t")
    tpot_s: float | None = Field(ge=0, description="mean time between new tokens after such a prompt, seconds")
    peak_mb: float | None = Field(
        description="highest resident set during a request less that before the first one, MB (1e6 bytes); none where"
        " the engine's processes cannot be seen"
    )


class LongText(Part):
    """What long prompts and long answers cost."""

    longest_prompt_tokens: float = Field(ge=1, description="tokens of the longest prompt that was timed, a count")
    longest_ttft_s: float = Field(ge=0, description="mean time to the first new token after it, seconds")
    prefill_tokens_per_s: float = Field(
        ge=0, description="tokens of the longest prompt by the mean time to its first new token, tokens per second"
    )
    interval: Interval | None = Field(description="95 % interval of these tokens per second")
    method: MeanMethod | None = Field(description="how the interval was made: bca or t")
    mb_per_1k_tokens: float | None = Field(
        description="growth of the peak memory with the prompt, MB (1e6 bytes) per 1,000 tokens (least squares over the"
        " lengths); none for fewer than three lengths"
    )
    mb_per_1k_tokens_interval: Interval | None = Field(
        description="95 % interval of that growth, MB (1e6 bytes) per 1,000 tokens"
    )
    generated_tokens: float = Field(ge=1, description="new tokens of a long answer, the mean, a count")
    generation_tokens_per_s: float = Field(
        ge=0, description="new tokens of long answers by their time, tokens per second"
    )
    generation_slowdown: float | None = Field(
        ge=0, description="time of a token in the last quarter of a long answer over that in the first, a ratio"
    )
    generations: int = Field(ge=1, description="long answers timed, a count")
    levels: list[LongTextLevel] = Field(min_length=1, description="lengths of the prompt, going up")
    sampling: Sampling | None


class Environment(Part):
    """What the newest of a row's results was measured in."""

    packages: dict[str, str] = Field(description="versions of the packages that the backend uses")
    server: dict[str, str] = Field(description="what a server that runs the model said of its version")
    device: str | None = Field(description="kind of device that auto stood for, none where the registry names one")
    python: str = Field(description="Python version, major and minor")
    epoch: str = Field(description="label of a scheduled round of measurements, mostly empty")


class Row(Part):
    """One model on one machine with one number of threads."""

    rank: int | None = Field(
        ge=1,
        description="1 + the models with a significantly better score over the tasks that all ranked models were asked"
        " (exact McNemar on the same tasks, Holm over all pairs, 5 %); none without these scores",
    )
    speed_rank: int | None = Field(
        ge=1,
        description="1 + the models with significantly more tokens/s on the same machine and threads (bootstrap of the"
        " ratio, Holm over all pairs, 5 %); none for fewer than two runs",
    )
    model: str = Field(description="id of the model in config/models.yaml")
    tier: Tier = Field(description="tier of the model: ci_safe, ci_borderline or local_only")
    parameters: int = Field(ge=1, description="parameters of the model, a count")
    license: str = Field(description="licence of the weights")
    description: str = Field(description="what the model is")
    backend: str = Field(description="engine that ran the model")
    dtype: str | None = Field(description="number format of the weights in memory, none where the backend decides")
    quantization: str | None = Field(description="quantisation of the weights, none where there is none")
    device: str = Field(description="kind of device: cpu, cuda or mps; auto where nothing says which it was")
    machine: str = Field(description="label of the machine that was measured, or that answered the tasks")
    threads: int | None = Field(description="threads computed with, a count; none where only tasks were answered")
    reasoning: SuiteScore | None
    suites: dict[str, SuiteScore] = Field(description="scores of the other suites by name, tasks solved of tasks asked")
    latency: Latency | None
    ttft: TimeToFirstToken | None
    throughput: Throughput | None
    memory: Memory | None
    concurrency: Concurrency | None
    long_text: LongText | None
    flags: list[str] = Field(description="circumstances that make numbers of the row doubtful")
    missing: list[Metric] = Field(description="metrics without a current result here")
    measured_at: Time = Field(description="when the newest of the row's results was measured, UTC")
    environment: Environment
    engine: dict[str, str] = Field(description="what the engine that ran said of itself, name and version")


class SuiteInfo(Part):
    """A suite of which rows have scores."""

    title: str = Field(description="heading of the suite's column")
    description: str = Field(description="what the suite asks")
    is_ranked: bool = Field(description="whether the rank counts it: all ranked models were asked it")


class NotMeasured(Part):
    """A model of the registry without a current result."""

    model: str = Field(description="id of the model in config/models.yaml")
    tier: Tier = Field(description="tier of the model")
    reason: str = Field(description="why there is no current result")


class Unread(Part):
    """A file below `results/` that was not read."""

    file: str = Field(description="path of the file, relative to the repository")
    reason: str = Field(description="why it was not read")


class Leaderboard(Part):
    """The whole document. Rows are in the order of the table."""

    model_config = ConfigDict(serialize_by_alias=True)

    schema_reference: str = Field(alias="$schema", description="this schema, relative to the document")
    version: Literal[1] = Field(description="version of the document's shape")
    fingerprint: str = Field(pattern=r"^[0-9a-f]{16}$", description="hash of all that the document is made from")
    suites: dict[str, SuiteInfo] = Field(description="suites of which rows have scores, the main one first")
    rows: list[Row] = Field(description="models with results, in the order of the table")
    not_measured: list[NotMeasured] = Field(description="models of the registry without a current result")
    outlook: Outlook = Field(
        description="what models would need and do on machines with a profile, and how sure that is"
    )
    unread: list[Unread] = Field(description="files below results/ that were not read")
    definitions: dict[str, str] = Field(
        description="what each column of the CSV and field of a row means, with its unit"
    )
    flags: dict[str, str] = Field(description="what each flag means")
