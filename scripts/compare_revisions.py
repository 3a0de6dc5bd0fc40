"""Measure two revisions side by side on this machine, and tell whether the head is slower.

The exit status is 1 when it is slower by 5 % or more, beyond chance. Uncommitted changes are not measured.
"""

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path

from yardstick.errors import YardstickError
from yardstick.paths import REGISTRY
from yardstick.registry import EmbeddedSource, load_registry
from yardstick.regressions.blocks import METRICS, Revision, check_comparable, measure_pairs
from yardstick.regressions.paired import LEAST_PAIRS, PairedComparison, Speed, compare_pairs, decide_pairs, pairs_needed
from yardstick.regressions.report import paired_table
from yardstick.regressions.revisions import LOCKED, commit_of, locked_requirements, uncommitted, worktrees


def main() -> int:
    """Compare and return the exit status."""
    options = _parse_arguments()
    try:
        base, head = commit_of(options.base), commit_of(options.head)
        if locked_requirements(base) != locked_requirements(head) and options.base_python is None:
            raise YardstickError(
                f"{LOCKED} differs between base and head: one environment cannot hold both; make one for the base "
                "and give its interpreter: --base-python PATH"
            )
        if uncommitted():
            _say("note: uncommitted changes are not measured")
        models = options.models.split(",") if options.models else _embedded_models()
        speeds = _compare(base, head, models, options)
    except YardstickError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 1 if Speed.SLOWER in speeds else 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", required=True, help="revision to compare with, for example origin/main")
    parser.add_argument("--head", default="HEAD", help="revision to judge")
    parser.add_argument("--models", default="", help="ids of models, joined by commas; the embedded ones by default")
    parser.add_argument("--metrics", nargs="+", choices=METRICS, default=list(METRICS), help="what to measure")
    parser.add_argument("--threads", type=int, default=1, help="threads to compute with")
    parser.add_argument("--pairs", type=int, help="pairs of blocks of each metric and model, enough by default")
    parser.add_argument("--base-python", type=Path, help="interpreter of the base, where its requirements differ")
    return parser.parse_args()


def _compare(base: str, head: str, models: list[str], options: argparse.Namespace) -> list[Speed]:
    """Measure all pairs, print the table, and return the verdicts."""
    python = Path(sys.executable)
    with worktrees(base, head) as folders, ExitStack() as servers:
        revisions = [
            Revision("base", folders[0], (options.base_python or python).absolute(), options.threads),
            Revision("head", folders[1], python, options.threads),
        ]
        for revision in revisions:
            revision.prepare(models)
        check_comparable(*revisions)
        chosen = _common(models, *revisions)
        for revision in revisions:
            servers.enter_context(revision.fork_server())
        found = _measure(*revisions, chosen, options)
    speeds = decide_pairs(list(found.values()))
    print(paired_table(found, speeds, base=base, head=head))
    return speeds


def _measure(
    base: Revision, head: Revision, models: list[str], options: argparse.Namespace
) -> dict[tuple[str, str], PairedComparison]:
    chosen = [(model, metric) for model in models for metric in options.metrics]
    pairs = max(LEAST_PAIRS, options.pairs or pairs_needed(len(chosen)))
    found = {}
    for model, metric in chosen:
        name = f"{metric} {model}"
        blocks = measure_pairs(
            base, head, model, metric, pairs, lambda done, name=name: _say(f"{name}: {done} of {pairs} pairs")
        )
        found[model, metric] = compare_pairs(blocks)
    return found


def _common(models: list[str], base: Revision, head: Revision) -> list[str]:
    """Return the models that both revisions know; say which are left out."""
    common = [model for model in models if model in base.paths and model in head.paths]
    for model in models:
        if model not in common:
            _say(f"left out: {model}: not in {REGISTRY} of {'base' if model in head.paths else 'head'}")
    if not common:
        raise YardstickError("base and head have none of these models in common; give others with --models")
    return common


def _embedded_models() -> list[str]:
    registry = load_registry(REGISTRY)
    return [entry.id for entry in registry.values() if isinstance(entry.source, EmbeddedSource)]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
