"""Boosters of LightGBM, from the text that they are saved as."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Corrupted
from kervan.core.plugins import extras_named
from kervan.package.foreign.foreign import Foreign, generic, label_text
from kervan.package.writing.neutral.readers.lightgbm import read_booster

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_CLASSES = {"binary", "multiclass", "multiclassova"}


def open_lightgbm(path: Path) -> Foreign:
    """Read a booster, or raise `Corrupted` that names the file."""
    with extras_named():
        import lightgbm

    try:
        booster = lightgbm.Booster(model_file=path)
        dump = booster.dump_model(num_iteration=1)
    except (lightgbm.basic.LightGBMError, ValueError, KeyError) as error:
        raise Corrupted(f"{path} is no model of LightGBM: {error}", hint="save it again") from error
    is_classification = str(dump.get("objective", "")).partition(" ")[0] in _CLASSES
    names = tuple(booster.feature_name())
    return Foreign(
        kind="LightGBM",
        inputs=booster.num_feature(),
        classes=max(2, int(dump["num_class"])) if is_classification else 0,
        is_classification=is_classification,
        names=() if generic(names, "Column_") else names,
        categories=_categories(dump, names),
        scores=partial(_scores, booster, is_classification),
        reads=lambda builder, value: read_booster(builder, booster, value),
        estimator=booster,
    )


def _scores(booster: Any, is_classification: bool, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    answers = np.asarray(booster.predict(rows, num_threads=1), dtype=np.float64).reshape(len(rows), -1)
    if is_classification and answers.shape[1] == 1:
        return np.hstack([1 - answers, answers])
    return answers


def _categories(dump: dict[str, Any], names: tuple[str, ...]) -> dict[int, tuple[str, ...]]:
    """Return the columns in which a tree chooses categories, or that pandas knew as such."""
    told = dump["feature_infos"]
    chosen = [place for place, name in enumerate(names) if told.get(name, {}).get("values")]
    texts = dump.get("pandas_categorical") or []
    if len(texts) != len(chosen):
        return dict.fromkeys(chosen, ())
    return {place: tuple(map(label_text, each)) for place, each in zip(chosen, texts, strict=True)}
