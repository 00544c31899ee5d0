"""Where a model fails: curves, calibration, segments, groups, labels, residuals, learning curves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy.stats import false_discovery_control
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, roc_auc_score

from kervan.core.config import Config, DataSettings, ModelSettings
from kervan.core.errors import InvalidConfig
from kervan.core.protecting import rule_of
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.model.errors.analysis import Looked, analyse_errors
from kervan.model.errors.calibration import reliability
from kervan.model.errors.conditions import conditions
from kervan.model.errors.curves import POINTS, precision_recall_curves, roc_curves
from kervan.model.errors.groups import compare_groups
from kervan.model.errors.held_out import MOST_ROWS, HeldOut, answer
from kervan.model.errors.labels import suspects
from kervan.model.errors.learning import learning_curve
from kervan.model.errors.residuals import residuals
from kervan.model.errors.segments import adjusted, worst_segments

from .seen import answered

CLASSES = Column(name="y", type=Type.CATEGORY, allowed=("hayır", "evet"))


def made_up(rows: int, columns: dict[str, list[object]], wrong: np.ndarray, seed: int = 0) -> HeldOut:
    """Answers that are 95 % sure and right, but for rows that are `wrong`."""
    kinds = {str: Type.CATEGORY, float: Type.NUMBER}
    inputs = Schema(
        tuple(
            Column(
                name=name,
                type=kinds[type(values[0])],
                nullable=True,
                allowed=tuple(sorted(set(values))) if isinstance(values[0], str) else (),  # type: ignore[type-var]
            )
            for name, values in columns.items()
        )
    )
    truth = np.random.default_rng(seed).integers(0, 2, rows)
    chance = np.where(truth ^ wrong, 0.95, 0.05)
    signature = Signature(inputs=inputs, output=CLASSES)
    values = np.column_stack([1 - chance, chance])
    return HeldOut(pl.DataFrame(columns), signature, np.zeros((rows, 1)), truth, values, np.arange(rows))


@pytest.mark.parametrize("name", ["cancer", "wine"])
def test_curves_have_the_areas_of_scikit_learn_and_few_points(name: str) -> None:
    _, found = answered(name)
    labels = found.signature.output.allowed
    for roc, curve in zip(roc_curves(found), precision_recall_curves(found), strict=True):
        place = labels.index(roc.name)
        positive, values = found.truth == place, found.values[:, place]
        assert roc.area == pytest.approx(roc_auc_score(positive, values))
        assert curve.area == pytest.approx(average_precision_score(positive, values))
        drawn = float(np.trapezoid(roc.ys, roc.xs))
        assert drawn == pytest.approx(roc.area, abs=1e-3)
        assert roc.xs[0] == roc.ys[0] == 0
        assert roc.xs[-1] == roc.ys[-1] == curve.xs[-1] == 1


def test_long_curves_are_thinned_and_keep_their_area() -> None:
    dice = np.random.default_rng(1)
    truth = dice.integers(0, 2, 5_000)
    chance = np.clip(0.5 + 0.2 * (truth - 0.5) + dice.normal(0, 0.15, 5_000), 0.001, 0.999)
    signature = Signature(inputs=Schema((Column(name="x", type=Type.NUMBER),)), output=CLASSES)
    values = np.column_stack([1 - chance, chance])
    found = HeldOut(pl.DataFrame({"x": chance}), signature, chance[:, None], truth, values, np.arange(5_000))
    (roc,) = roc_curves(found)
    assert len(roc.xs) <= POINTS
    assert float(np.trapezoid(roc.ys, roc.xs)) == pytest.approx(roc_auc_score(truth, chance), abs=2e-3)
    said = reliability(found)
    true, mean = calibration_curve(truth, chance, n_bins=10)
    assert [each.true for each in said.bins] == pytest.approx(true.tolist())
    assert [each.said for each in said.bins] == pytest.approx(mean.tolist())
    assert sum(each.rows for each in said.bins) == 5_000


def test_rows_of_a_class_by_threshold_are_those_that_requests_get() -> None:
    _, found = answered("cancer")
    strict = replace(found, signature=replace(found.signature, threshold=0.999))
    assert (strict.chosen == 1).sum() < (found.chosen == 1).sum()


def test_a_segment_that_was_spoilt_is_found_by_its_conditions() -> None:
    dice = np.random.default_rng(3)
    city = dice.choice(["Ankara", "İzmir", "Van"], 2_000)
    age = dice.uniform(18, 90, 2_000)
    spoilt = (city == "Van") & (age > 72) & (dice.random(2_000) < 0.8)
    found = made_up(2_000, {"city": city.tolist(), "age": age.tolist()}, spoilt)
    worst = worst_segments(found, "accuracy").worst[0]
    assert {each.column for each in worst.conditions} <= {"city", "age"}
    assert "city = Van" in map(str, worst.conditions)
    assert worst.loss > 3 * worst.rest
    assert worst.low > 0
    assert worst.chance < 0.001
    assert worst.value is not None
    assert worst.value < 0.7


def test_missing_values_are_a_condition_too() -> None:
    dice = np.random.default_rng(4)
    income = [
        None if gone else 1.5 + each
        for each, gone in zip(dice.random(1_000), dice.random(1_000) < 0.2, strict=True)
    ]
    income[0] = 1.0
    spoilt = np.array([each is None for each in income])
    found = made_up(1_000, {"income": income}, spoilt)
    assert [str(each) for each in worst_segments(found, "accuracy").worst] == ["income is missing"]


def test_errors_by_chance_make_no_segment() -> None:
    found = 0
    for seed in range(20):
        dice = np.random.default_rng(seed)
        columns = {
            **{f"c{place}": dice.choice(["a", "b", "c"], 600).tolist() for place in range(4)},
            **{f"n{place}": dice.random(600).tolist() for place in range(3)},
        }
        search = worst_segments(made_up(600, columns, dice.random(600) < 0.2, seed), "accuracy")
        assert search.tried > 200
        found += bool(search.worst)
    assert found <= 2  # one in twenty may be


def test_adjusted_p_values_are_those_of_scipy() -> None:
    chances = np.random.default_rng(0).random(200) ** 2
    assert adjusted(chances) == pytest.approx(false_discovery_control(chances))


def test_conditions_of_a_column_part_all_rows() -> None:
    table = pl.DataFrame(
        {
            "n": [None, *map(float, range(99))],
            "d": pl.date_range(pl.date(2026, 1, 1), pl.date(2026, 4, 10), "1d", eager=True),
            "c": ["a", "b", None, "c"] * 25,
        }
    )
    kinds = (("n", Type.NUMBER), ("d", Type.DATE), ("c", Type.CATEGORY))
    for name, kind in kinds:
        parts = [mask for _, mask in conditions(table, [Column(name=name, type=kind, nullable=True)])]
        assert np.sum(parts, axis=0).tolist() == [1] * table.height
    told = [str(each) for each, _ in conditions(table, [Column(name="d", type=Type.DATE)])]
    assert told[0] == "d 2026-01-01 to 2026-01-20"


def test_groups_have_their_rates_and_the_gap_with_its_interval() -> None:
    dice = np.random.default_rng(5)
    sex = dice.choice(["F", "M"], 4_000)
    found = made_up(4_000, {"sex": sex.tolist()}, (sex == "F") & (dice.random(4_000) < 0.3))
    (grouping,) = compare_groups(found, ["sex"], {"sex": Type.CATEGORY})
    women, men = grouping.groups
    assert (women.name, men.name) == ("F", "M")
    assert men.rates["right"].value == 1.0
    assert women.rates["right"].value == pytest.approx(0.7, abs=0.05)
    gaps = {gap.rate: gap for gap in grouping.gaps}
    assert (gaps["right"].most, gaps["right"].least) == ("M", "F")
    assert gaps["right"].low < 0.3 < gaps["right"].high
    assert gaps["right"].is_sure
    assert not gaps["answered positive"].is_sure  # as many are taken for the other class on both sides


def test_a_regression_has_mean_errors_by_group() -> None:
    _, found = answered("diabetes")
    (grouping,) = compare_groups(found, ["sex"], {"sex": Type.NUMBER})
    assert set(grouping.groups[0].rates) == {"mean error", "mean absolute error"}
    assert sum(each.rows for each in grouping.groups) == len(found.truth)


def test_flipped_labels_are_suspects() -> None:
    _, found = answered("cancer", "forest")
    truth = found.truth.copy()
    sure = np.argsort(-np.abs(found.values[:, 1] - 0.5), kind="stable")[:60]
    flipped = sure[::4]
    truth[flipped] = 1 - truth[flipped]
    doubtful = suspects(truth, found.values, found.signature.output.allowed, found.places, "validation")
    rows = {each.row - 1 for each in doubtful.worst}
    assert len(rows & set(flipped.tolist())) >= 0.9 * len(flipped)
    assert doubtful.share == pytest.approx(len(flipped) / len(truth), abs=0.05)
    assert all(each.chance > each.chance_of_label for each in doubtful.worst)


def test_residuals_count_every_row_once() -> None:
    _, found = answered("diabetes")
    seen = residuals(found)
    assert sum(seen.counts) + seen.outside == len(found.truth)
    assert sum(each.rows for each in seen.bands) == len(found.truth)
    for band in seen.bands:
        assert list(band.errors) == sorted(band.errors)


def test_values_of_single_rows_are_kept_only_where_that_is_allowed() -> None:
    _, found = answered("cancer")
    closed = analyse_errors(found, len(found.truth), Looked(metric="roc_auc"))
    opened = analyse_errors(found, len(found.truth), Looked(metric="roc_auc", examples=True))
    assert all(not each.values for each in closed.examples)
    assert set(opened.examples[0].values) == set(found.signature.inputs.names)
    worst = opened.examples[0].row - 1
    assert found.losses[worst] == found.losses.max()


def test_of_many_rows_a_part_is_drawn_by_lot() -> None:
    model, found = answered("cancer")
    table = pl.concat([found.table] * (2 + MOST_ROWS // found.table.height))
    drawn = answer(model, table, found.signature)
    assert len(drawn.truth) == len(set(drawn.places.tolist())) == MOST_ROWS
    assert np.array_equal(drawn.table["mean radius"], table["mean radius"].gather(drawn.places))
    again = answer(model, table, found.signature)
    assert np.array_equal(drawn.places, again.places)


@pytest.mark.parametrize(("metric", "sign"), [("roc_auc", -1), ("rmse", 1)])
def test_a_power_law_is_drawn_on_and_a_flat_curve_stays_flat(metric: str, sign: int) -> None:
    def falls(rows: np.ndarray, _seed: int) -> float:
        return 0.5 + sign * 3 * len(rows) ** -0.5

    found = learning_curve(10_000, metric, falls)
    assert found.doubled == pytest.approx(0.5 + sign * 3 * 20_000**-0.5, abs=5e-4)
    flat = learning_curve(10_000, metric, lambda rows, seed: 0.8)
    assert flat.gain == pytest.approx(0.0, abs=1e-9)


def test_the_interval_of_a_noisy_curve_holds_the_truth() -> None:
    inside = 0
    for seed in range(20):
        dice = np.random.default_rng(seed)

        def score(rows: np.ndarray, _seed: int, dice: np.random.Generator = dice) -> float:
            return 0.9 - 2 * len(rows) ** -0.5 + dice.normal(0, 0.002)

        found = learning_curve(5_000, "roc_auc", score, seed=seed)
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= 0.9 - 2 * 10_000**-0.5 <= found.high
    assert inside >= 14


def test_few_rows_have_no_curve() -> None:
    found = learning_curve(40, "roc_auc", lambda rows, seed: 0.5)
    assert found.doubled is None


def test_groups_by_a_protected_or_ignored_column_are_refused() -> None:
    settings = ModelSettings(groups=("sex",))
    with pytest.raises(InvalidConfig, match=r"'sex': it is in `\[data\] protect`"):
        Config(model=settings, data=DataSettings(protect={"sex": rule_of("hash")}))
    with pytest.raises(InvalidConfig, match=r"'sex': it is in `\[data\] ignore`"):
        Config(model=settings, data=DataSettings(ignore=("sex",)))
