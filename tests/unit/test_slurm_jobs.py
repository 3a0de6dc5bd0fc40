"""What is read from the executor's calls, how jobs ended, and the ledger: without a SLURM."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yardstick.slurm.ledger import ENDED, LEDGER_VARIABLE, NAME_VARIABLE, Job, Ledger, job_name, shard_key
from yardstick.slurm.outcomes import describe, explain, final_state, is_worth_another_try
from yardstick.slurm.submission import main, parse_request

SHARD = f"gpt2/cluster-a/{'a' * 16}-{'b' * 16}"
COMMAND = (
    "python -m snakemake --snakefile 'workflow/Snakefile' --target-jobs 'measure_latency:model=gpt2,machine=cluster-a,"
    f"definition={'a' * 16},environment={'b' * 16}' --allowed-rules measure_latency --cores all --mode remote"
)
CALL = [
    *[
        "--parsable",
        "--job-name",
        "1f0c",
        "--output",
        "logs/%j.log",
        "--export=ALL",
        "--comment",
        "rule_x",
        "-p",
        "main",
    ],
    *["-t", "60", "--mem", "1100", "--ntasks=1", "-D", "/home/me", f"--wrap={COMMAND}"],
]


def test_a_call_of_the_executor_is_read() -> None:
    request = parse_request(CALL, "yardstick-1")
    assert request is not None
    assert (request.rule, request.shard) == ("measure_latency", SHARD)
    assert (request.log, request.memory_mb, request.minutes) == ("logs/%j.log", 1100, 60)


def test_a_job_gets_the_name_of_the_folder_and_its_shard_as_comment_and_nothing_else_changes() -> None:
    request = parse_request(CALL, "yardstick-1")
    assert request is not None
    changed = {old: new for old, new in zip(CALL, request.arguments, strict=True) if old != new}
    assert changed == {"1f0c": "yardstick-1", "rule_x": f"measure_latency/{SHARD}"}


@pytest.mark.parametrize(
    "call",
    [
        [],
        ["--version"],
        ["--parsable", "--wrap=sleep 1"],
        ["--parsable", "--wrap=snakemake --target-jobs 'regressions:' --allowed-rules regressions"],
    ],
)
def test_other_calls_are_left_alone(call: list[str]) -> None:
    assert parse_request(call, "yardstick-1") is None


def test_the_name_of_all_jobs_depends_on_the_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    assert job_name(tmp_path) == job_name(tmp_path / "link")
    assert job_name(tmp_path) != job_name(tmp_path.parent)


def make_ledger(folder: Path) -> Ledger:
    ledger = Ledger(folder / "ledger.jsonl")
    ledger.path.touch()
    return ledger


@pytest.fixture
def run_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """The ledger of a run whose programs this process is."""
    ledger = make_ledger(tmp_path)
    monkeypatch.setenv(LEDGER_VARIABLE, str(ledger.path))
    monkeypatch.setenv(NAME_VARIABLE, "yardstick-1")
    monkeypatch.chdir(tmp_path)
    return ledger


def test_a_job_of_an_earlier_run_is_taken_up(run_ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    run_ledger.add(event="earlier", id="3", shard=SHARD)
    assert main(CALL) == 0
    assert capsys.readouterr().out == "3\n"
    assert run_ledger.read().jobs == {"3": Job("3", SHARD, "logs/3.log", 1100, 60, is_adopted=True)}


@pytest.mark.parametrize("state", ["CANCELLED", "FAILED"])
def test_a_job_that_would_end_as_before_is_not_submitted_again(
    run_ledger: Ledger, capsys: pytest.CaptureFixture[str], state: str
) -> None:
    run_ledger.add(event="submitted", id="3", shard=SHARD, log="3.log")
    run_ledger.add(event="seen", id="3", state=state, node="n1")
    log = Path(f"logs/latency/{SHARD}.log")
    log.parent.mkdir(parents=True)
    log.write_text("error: the model cannot be loaded\n")
    assert main(CALL) == 1
    assert capsys.readouterr().err.startswith("not tried again: SLURM job 3 ")


@pytest.mark.parametrize(
    ("option", "remedy"), [("--array=1-2", "remove slurm-array-jobs"), ("--clusters", "remove the resource")]
)
def test_jobs_that_cannot_be_asked_for_or_seen_rightly_are_refused(
    run_ledger: Ledger, capsys: pytest.CaptureFixture[str], option: str, remedy: str
) -> None:
    assert main([*CALL, option]) == 1
    assert remedy in capsys.readouterr().err
    assert SHARD in run_ledger.read().refusals


def test_a_ledger_gives_back_what_was_added(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path)
    ledger.add(event="earlier", id="3", shard=SHARD)
    ledger.add(event="refused", shard="b", reason="no such partition")
    ledger.add(event="submitted", id="7", shard=SHARD, log="7.log", memory_mb=600, minutes=5, is_adopted=False)
    ledger.add(event="seen", id="7", state="TIMEOUT", node="n1")
    events = ledger.read()
    assert events.earlier == {SHARD: "3"}
    assert events.refusals == {"b": "no such partition"}
    assert events.last_job(SHARD) == Job("7", SHARD, "7.log", 600, 5, False, "TIMEOUT", "n1")


def test_a_line_cut_by_a_kill_costs_only_itself(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path)
    ledger.add(event="submitted", id="7", shard=SHARD, log="7.log")
    with ledger.path.open("a") as file:
        file.write('{"event": "seen", "id": "7", "st')
    assert ledger.read().jobs["7"].state == "PENDING"


@given(st.sampled_from(sorted(ENDED - {"COMPLETED"})), st.booleans())
def test_each_end_is_told_in_words_with_the_number(state: str, has_log: bool) -> None:
    told = describe(Job("12", SHARD, "x.log" if has_log else "", 600, 5, False, state, "n7"))
    assert told.startswith("SLURM job 12 ")
    assert state not in told


@pytest.mark.parametrize(
    ("state", "has_said_why", "expected"),
    [
        ("OUT_OF_MEMORY", False, True),
        ("TIMEOUT", True, True),
        ("NODE_FAIL", False, True),
        ("PREEMPTED", False, True),
        ("GONE", False, True),
        ("CANCELLED", False, False),
        ("FAILED", True, False),
        ("FAILED", False, True),
    ],
)
def test_only_what_more_or_another_node_can_cure_is_tried_again(state: str, has_said_why: bool, expected: bool) -> None:
    assert is_worth_another_try(Job("1", SHARD, "", state=state), has_said_why=has_said_why) is expected


@pytest.mark.parametrize(
    "line",
    [
        "slurmstepd: error: Detected 1 oom_kill event in StepId=8.0.",
        "slurmstepd: error: Step 3.0 exceeded memory limit (400 > 300), being killed",
        "slurmstepd: error: *** JOB 12 ON n1 CANCELLED *** out of memory",
    ],
)
def test_memory_is_named_where_only_the_log_tells_it(tmp_path: Path, line: str) -> None:
    log = tmp_path / "12.log"
    log.write_text(f"something\n{line}\n")
    assert final_state("FAILED", log) == "OUT_OF_MEMORY"
    assert final_state("TIMEOUT", log) == "TIMEOUT"
    assert final_state("FAILED", tmp_path / "none.log") == "FAILED"


def test_an_error_of_the_measurement_itself_is_told_with_its_own_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ledger = make_ledger(tmp_path)
    ledger.add(event="submitted", id="7", shard=SHARD, log="7.log")
    ledger.add(event="seen", id="7", state="FAILED", node="n1")
    assert explain(ledger.read(), SHARD) == ("SLURM job 7 failed", "7.log")
    log = Path(f"logs/latency/{SHARD}.log")
    log.parent.mkdir(parents=True)
    log.write_text("latency gpt2: begins\nerror: the model cannot be loaded\n")
    assert explain(ledger.read(), SHARD) == ("the model cannot be loaded (SLURM job 7)", str(log))


def test_a_shard_that_had_no_job_is_not_slurms_affair(tmp_path: Path) -> None:
    assert explain(make_ledger(tmp_path).read(), SHARD) is None


def test_a_key_names_all_of_a_shard() -> None:
    assert shard_key(model="gpt2", machine="cluster-a", definition="a" * 16, environment="b" * 16) == SHARD
