"""What all rules share: the session, and thin functions that ask it. The logic is in scripts/yardstick."""

import sys
from pathlib import Path

from snakemake.logging import logger

sys.path.insert(0, str(Path(workflow.basedir).parent / "scripts"))

from yardstick.catalog import SUITES
from yardstick.registry import TIERS
from yardstick.workflow_run import WorkflowRun

RUN = WorkflowRun(workflow, config, logger)
SHARD = "model={model}/machine={machine}/{definition}-{environment}.parquet"
LOG = "{model}/{machine}/{definition}-{environment}.log"


wildcard_constraints:
    suite="|".join(SUITES),
    model="[a-z0-9._-]+",
    machine="[a-z0-9._-]+",
    definition="[0-9a-f]{16}",
    environment="[0-9a-f]{16}",
    revision="[0-9a-f]{12}",
    target="[a-z_]+",
    run="[0-9a-f]+-[0-9a-f]+",


def wanted_of(target, *tiers):
    """Return an input function that asks for what is wanted of some tiers."""
    return lambda wildcards: RUN.ask_for_target(target, tiers)


def leaderboard_only(wildcards):
    """Ask for the scores that answers lack, and for the leaderboard."""
    return RUN.ask(lambda session: session.wanted_leaderboard())


def leaderboard_inputs(wildcards):
    """Return the shards that the leaderboard waits for; their times decide nothing."""
    return [ancient(path) for path in RUN.ask(lambda session: session.wanted_shards(wildcards.target))]


def fetched_model(wildcards):
    """Return the record of a model's download, or nothing for a model that lies in the repository."""
    record = RUN.ask(lambda session: session.fetch_record(wildcards.model))
    return [ancient(record)] if record else []


def scored_answers(wildcards):
    """Return the answers that a shard of scores is computed from."""
    answers = RUN.ask(
        lambda session: session.answers_of(
            suite=wildcards.suite, model=wildcards.model, machine=wildcards.machine, environment=wildcards.environment
        )
    )
    return ancient(answers)


def machine_profile(wildcards):
    """Return this machine's profile."""
    return [ancient(path) for path in RUN.ask(lambda session: session.wanted_profile())]


def profile_unless_typed(wildcards):
    """Return this machine's profile, or nothing where the settings describe another machine."""
    is_typed = RUN.ask(lambda session: bool(session.selected()) and session.config.bandwidth_gb_s is not None)
    return [] if is_typed else machine_profile(wildcards)


onstart:
    RUN.start()


onsuccess:
    RUN.succeed()


onerror:
    RUN.fail()
