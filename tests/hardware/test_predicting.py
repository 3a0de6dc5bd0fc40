"""Predictions from calibration to the terminal's lines, where the law behind the numbers is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prediction_world import CONFIGS, MACHINE, config, make_plan
from yardstick.config import parse_config
from yardstick.errors import YardstickError
from yardstick.hardware.forecast import Forecasts, forecasts
from yardstick.hardware.observed import gather
from yardstick.hardware.predicting import prediction
from yardstick.hardware.predictor import Predictor, typed_gpu, typed_machine
from yardstick.leaderboard.outlook import outlook
from yardstick.leaderboard.outlook_tables import outlook_tables
from yardstick.plan import Plan

MODELS: dict[str, dict[str, Any]] = {
    "between": config(12, 512),
    "huge": config(80, 8192),
    "strange": {"model_type": "x"},
}


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return make_plan(tmp_path, MODELS)[0]


def told(plan: Plan, predictor: Predictor, **changes: Any) -> Forecasts:
    settings = {"context": 1024, "threads": 1, **changes}
    profile = settings.pop("profile", predictor.profiles[MACHINE])
    return forecasts(plan, predictor, profile, plan.inputs.registry.values(), **settings)


def test_left_out_models_follow_the_law(plan: Plan) -> None:
    errors = Predictor(gather(plan)).errors
    ours = {error.quantity: error.ours for error in errors if error.left_out == "model"}

    assert set(ours) == {"token_s", "ttft_s", "load_bytes", "load_peak_bytes", "peak_bytes"}
    assert all(error is not None and error.median < 0.05 and error.left_out == len(CONFIGS) for error in ours.values())
    rules = {error.quantity: error.baseline for error in errors}
    assert rules["token_s"] is not None
    assert rules["token_s"].median > 0.1
    # One machine cannot be predicted from others.
    assert all(error.ours is None and error.count == 1 for error in errors if error.left_out == "machine")


def test_says_what_fits_how_fast_and_how_sure(plan: Plan) -> None:
    found = told(plan, Predictor(gather(plan)))
    between, huge = found.found

    assert between.fits is True
    assert not between.is_extrapolated
    assert between.tokens_per_s is not None
    # 1.5 times the bytes over the bandwidth, the operations and a step.
    seconds = 1.5 * (between.weight_bytes_per_token / 1e10 + (12 * 55 + 26) * 5e-6 + 100 * 5e-6)
    assert between.tokens_per_s.value == pytest.approx(1 / seconds, rel=0.15)
    assert between.peak.low < between.peak.value < between.peak.high
    assert huge.fits is False
    assert huge.is_extrapolated
    assert "model_type is 'x'" in found.without["strange"]


def test_a_described_machine_is_as_much_faster_as_its_bandwidth_and_less_sure(plan: Plan) -> None:
    predictor = Predictor(gather(plan))
    here = told(plan, predictor).found[0]
    there = told(plan, predictor, profile=typed_machine(predictor.profiles[MACHINE], 4e10, 512e9)).found
    assert here.tokens_per_s is not None
    assert there[0].tokens_per_s is not None
    assert here.reading_share is not None

    faster = 1 / (here.reading_share / 4 + 1 - here.reading_share)
    assert there[0].tokens_per_s.value == pytest.approx(here.tokens_per_s.value * faster, rel=0.1)
    assert there[0].is_extrapolated
    assert there[0].tokens_per_s.high / there[0].tokens_per_s.low > here.tokens_per_s.high / here.tokens_per_s.low
    assert there[1].fits is True


def test_a_gpu_holds_all_models_and_is_a_mere_roofline(plan: Plan) -> None:
    predictor = Predictor(gather(plan))
    profile = typed_gpu(predictor.profiles[MACHINE], 9e11, 24e9)
    between, huge = told(plan, predictor, profile=profile, on_gpu=True).found

    assert (between.device, between.fits, huge.fits) == ("cuda", True, False)
    assert between.tokens_per_s is not None
    assert between.tokens_per_s.high / between.tokens_per_s.low > 8
    # All its weights are read for a token, and nobody knows how fast the GPU computes a prompt.
    assert huge.tokens_per_s is not None
    assert huge.tokens_per_s.value == pytest.approx(9e11 / huge.weight_bytes_per_token, rel=0.2)
    assert huge.ttft == {}


def test_prints_a_line_per_model_and_the_errors(plan: Plan) -> None:
    text = prediction(plan, plan.inputs.config, 1)

    assert "between  transformers, cpu  yes" in text
    assert "huge     transformers, cpu  no" in text
    assert "strange/config.json: model_type is 'x'" in text
    assert "over 9 models left out in turn; the rule of thumb" in text


def test_a_machine_without_profile_is_told_how_to_get_one(tmp_path: Path) -> None:
    plan, settings = make_plan(tmp_path, {}, machine="elsewhere")

    with pytest.raises(YardstickError, match="elsewhere has no profile yet; run first: snakemake"):
        prediction(plan, settings, 1)


@pytest.mark.parametrize("given", [{"ram_gb": 8}, {"bandwidth_gb_s": 20}, {"vram_gb": 8}])
def test_a_half_described_machine_is_refused_in_one_line(plan: Plan, given: dict[str, float]) -> None:
    settings = plan.inputs.config.model_dump(mode="json")

    with pytest.raises(YardstickError, match="ram_gb and bandwidth_gb_s describe another machine together"):
        parse_config({**settings, **given}, file="config.yaml")


def test_the_leaderboard_has_forecasts_and_errors(plan: Plan) -> None:
    document = outlook(plan).model_dump(mode="json")
    tables = outlook_tables(document)

    assert [machine["machine"] for machine in document["machines"]] == [MACHINE]
    assert [model["model"] for model in document["models"]] == ["between", "huge"]
    assert [model["model"] for model in document["without"]] == ["strange"]
    (machine,) = tables["machines"]
    assert [row[2] for row in machine["rows"]] == ["yes", "no"]
    assert any(cells[0] == "tokens/s" and cells[4].endswith("%") for cells in tables["errors"])


def test_a_repository_without_any_profile_has_no_outlook(plan: Plan) -> None:
    (plan.inputs.root / f"workflow/resources/calibration/{MACHINE}.json").unlink()

    assert outlook(plan).machines == outlook(plan).models == outlook(plan).errors == []
