"""The project's `sbatch`: names each job, adopts one that already works on the same shard, and keeps the ledger."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from yardstick.slurm.ledger import ENDED, NAME_VARIABLE, Events, Ledger, shard_key
from yardstick.slurm.outcomes import describe, is_worth_another_try, measurement_logs, own_reason
from yardstick.slurm.programs import NoAnswerError, become_program, list_jobs, run_patiently

_TARGET = re.compile(r"(?P<rule>\w+):(?P<wildcards>(?:\w+=[A-Za-z0-9._-]+,?)+)")
_REFUSED = {
    "--array": "array jobs would give every model the memory of the first; remove slurm-array-jobs",
    "--clusters": "jobs on another cluster are not seen from this one; remove the resource for it, and run there",
}
_PARTS = ("model", "machine", "definition", "environment")


@dataclass(frozen=True)
class Request:
    """One call of `sbatch` for a shard.

    Attributes:
        rule: name of the rule.
        shard: key of the shard.
        arguments: the arguments, with the job's name and comment in them.
        log: pattern of the output file, ``%j`` for the job's number.
        memory_mb: memory asked for, in SLURM's MB (2**20 bytes).
        minutes: time asked for.
    """

    rule: str
    shard: str
    arguments: tuple[str, ...]
    log: str
    memory_mb: int | None
    minutes: int | None


def main(arguments: Sequence[str]) -> int:
    """Submit as `sbatch` does: print the job's number and return 0, or say why not."""
    ledger, name = Ledger.of_environment(), os.environ.get(NAME_VARIABLE)
    request = parse_request(arguments, name) if ledger and name else None
    if ledger is None or request is None:
        become_program("sbatch", arguments, without=127)
    for option, remedy in _REFUSED.items():
        if any(argument.startswith(option) for argument in arguments):
            return _refuse(ledger, request, remedy)
    events = ledger.read()
    if adopted := _adoptable(events, request.shard):
        _record(ledger, request, adopted, is_adopted=True)
        print(adopted)
        return 0
    if reason := _futility(events, request):
        return _refuse(ledger, request, reason)
    return _submit(ledger, request)


def parse_request(arguments: Sequence[str], name: str | None) -> Request | None:
    """Return what a call of the executor asks for, or None when it is not for a shard."""
    target = next((found for text in reversed(arguments) if (found := _TARGET.search(_after_flag(text)))), None)
    wildcards = dict(part.split("=", 1) for part in target["wildcards"].strip(",").split(",")) if target else {}
    if target is None or not all(part in wildcards for part in _PARTS):
        return None
    shard = shard_key(**{part: wildcards[part] for part in _PARTS})
    options = {"--job-name": name or "", "--comment": f"{target['rule']}/{shard}"}
    changed = [*arguments]
    for option, value in options.items():
        if option in changed[:-1]:
            changed[changed.index(option) + 1] = value
    return Request(
        rule=target["rule"],
        shard=shard,
        arguments=tuple(changed),
        log=_value(arguments, "--output") or "",
        memory_mb=_number(_value(arguments, "--mem")),
        minutes=_number(_value(arguments, "-t")),
    )


def _after_flag(text: str) -> str:
    """Return what follows ``--target-jobs`` in a wrapped command."""
    return text.partition("--target-jobs")[2]


def _value(arguments: Sequence[str], option: str) -> str | None:
    return next((value for name, value in pairwise(arguments) if name == option), None)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None


def _adoptable(events: Events, shard: str) -> str | None:
    """Return a job of an earlier run for the shard, unless this run has tried the shard already."""
    return events.earlier.get(shard) if events.last_job(shard) is None else None


def _futility(events: Events, request: Request) -> str | None:
    """Return why a second try would end as the first did, or None."""
    job = events.last_job(request.shard)
    if job is None or is_worth_another_try(job, has_said_why=own_reason(request.shard) is not None):
        return None
    return f"not tried again: {describe(job)}"


def _record(ledger: Ledger, request: Request, job: str, *, is_adopted: bool) -> None:
    ledger.add(
        event="submitted",
        id=job,
        shard=request.shard,
        log=request.log.replace("%j", job),
        memory_mb=request.memory_mb,
        minutes=request.minutes,
        is_adopted=is_adopted,
    )


def _refuse(ledger: Ledger, request: Request, reason: str) -> int:
    ledger.add(event="refused", shard=request.shard, reason=reason)
    print(reason, file=sys.stderr)
    return 1


def _accepted(ledger: Ledger, request: Request) -> str | None:
    """Return the number of a job that was taken although `sbatch` did not hear so, or None.

    The process ends when its run is over and another has begun.
    """
    if not ledger.path.exists():
        sys.exit(1)
    known = ledger.read().jobs
    comment = f"{request.rule}/{request.shard}"
    try:
        jobs = list_jobs(os.environ[NAME_VARIABLE])
    except NoAnswerError:
        return None
    new = (job.id for job in jobs if job.comment == comment and job.id not in known and job.state not in ENDED)
    return next(new, None)


def _submit(ledger: Ledger, request: Request) -> int:
    for log in measurement_logs(request.shard):
        log.unlink(missing_ok=True)  # what it says would be taken for this try's
    try:
        done = run_patiently("sbatch", *request.arguments, instead=lambda: _accepted(ledger, request))
    except NoAnswerError as error:
        return _refuse(ledger, request, str(error))
    if done.returncode != 0:
        lines = [line.removeprefix("sbatch: error: ") for line in done.stderr.strip().splitlines()]
        return _refuse(ledger, request, "; ".join(lines) or "sbatch failed")
    # With --parsable: the number, and behind a semicolon the cluster.
    _record(ledger, request, done.stdout.strip().split(";")[0], is_adopted=False)
    print(done.stdout, end="")
    print(done.stderr, end="", file=sys.stderr)
    return 0
