"""One contender of `benchmarks.automl`, in a process and a Python of its own, which need not have ours.

Arguments: its name, a folder with `train.csv` and `test.csv`, target, metric, seconds, and the file for what
it answered to the test rows, how long it took, and what its model costs.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import time
from pathlib import Path
from statistics import median

CORES = len(os.sched_getaffinity(0))  # of the machine, or those that `taskset` leaves: for all the same


def kervan(folder: Path, target: str, metric: str, seconds: int) -> dict[str, object]:
    """`kervan auto`, answered by the format that is served."""
    from kervan.app.asked import read_file
    from kervan.app.auto import auto
    from kervan.app.project import open_project
    from kervan.package.proving.build import load_format, served_format
    from kervan.serve.decode import RowDecoder

    into = folder / "kervan-auto"
    started = time.perf_counter()
    found = auto(
        str(folder / "train.csv"), into, target=target, budget=f"{seconds}s", metric=metric, observe=_quiet
    )
    spent = time.perf_counter() - started
    trained = found.outcome.trained
    name = served_format(trained.candidate.formats)
    place = trained.folder / name
    predictor = load_format(name, place, trained.signature)
    rows = read_file(open_project(into), folder / "test.csv", trained.signature).rows
    matrix = RowDecoder(trained.signature).decode(rows)
    values = predictor.predict(matrix)
    return {
        "values": values.tolist(),
        "classes": list(trained.signature.output.allowed),
        "seconds": spent,
        "size": sum(file.stat().st_size for file in place.rglob("*") if file.is_file()),
        "one": _timed(lambda: predictor.predict(matrix[:1])),
        "many": _timed(lambda: predictor.predict(matrix[:1000])),
    }


def _quiet(_stage: object) -> None:
    pass


class _Tables:
    """Train and test as the peers take them: texts are categories of pandas."""

    def __init__(self, folder: Path, target: str, metric: str) -> None:
        import pandas as pd

        train, test = pd.read_csv(folder / "train.csv"), pd.read_csv(folder / "test.csv")
        self.is_class = metric != "rmse"
        self.truth = train.pop(target)
        test = test.drop(columns=[target])
        self.classes = sorted(map(str, self.truth.unique())) if self.is_class else []
        if self.is_class:
            places = {label: place for place, label in enumerate(self.classes)}
            self.truth = self.truth.map(lambda value: places[str(value)]).astype(int)
        for name in train.select_dtypes(exclude="number").columns:
            known = sorted(train[name].dropna().astype(str).unique())
            for table in (train, test):
                table[name] = pd.Categorical(table[name].astype(str), categories=known)
        names = [
            f"column_{place}" for place in range(train.shape[1])
        ]  # LightGBM refuses some of the real ones
        self.train, self.test = train.set_axis(names, axis=1), test.set_axis(names, axis=1)

    def answers(self, model: object, spent: float, size: float) -> dict[str, object]:
        ask = model.predict_proba if self.is_class else model.predict
        values = ask(self.test)
        values = values.to_numpy() if hasattr(values, "to_numpy") else values
        one, many = self.test[:1], self.test[:1000]
        return {
            "values": values.tolist() if self.is_class else values.reshape(-1, 1).tolist(),
            "classes": self.classes,
            "seconds": spent,
            "size": size,
            "one": _timed(lambda: ask(one)),
            "many": _timed(lambda: ask(many)),
        }


def flaml(folder: Path, target: str, metric: str, seconds: int) -> dict[str, object]:
    """FLAML with its own choice of learners."""
    from flaml import AutoML

    tables = _Tables(folder, target, metric)
    started = time.perf_counter()
    model = AutoML()
    by = metric if metric != "roc_auc" or len(tables.classes) == 2 else "roc_auc_ovr"
    task = "classification" if tables.is_class else "regression"
    model.fit(
        tables.train, tables.truth, task=task, metric=by, time_budget=seconds, n_jobs=CORES, verbose=0, seed=1
    )
    return tables.answers(model, time.perf_counter() - started, len(pickle.dumps(model)))


def lightgbm(folder: Path, target: str, metric: str, seconds: int) -> dict[str, object]:
    """LightGBM with its defaults, which takes no budget."""
    tables = _Tables(folder, target, metric)
    started = time.perf_counter()
    model = _booster(tables)(n_jobs=CORES, verbose=-1, random_state=1).fit(tables.train, tables.truth)
    return tables.answers(model, time.perf_counter() - started, len(pickle.dumps(model)))


def _booster(tables: _Tables) -> type:
    from lightgbm import LGBMClassifier, LGBMRegressor

    return LGBMClassifier if tables.is_class else LGBMRegressor


def optuna_and_lightgbm(folder: Path, target: str, metric: str, seconds: int) -> dict[str, object]:
    """LightGBM searched by Optuna over five folds, as its users do by hand."""
    import optuna
    from sklearn.model_selection import cross_val_score

    tables = _Tables(folder, target, metric)
    kind = _booster(tables)
    scorer = {"rmse": "neg_root_mean_squared_error", "log_loss": "neg_log_loss"}.get(metric, "roc_auc")
    started = time.perf_counter()

    def parameters(trial: optuna.Trial) -> dict[str, object]:
        return {
            "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.3, log=True),
            "n_estimators": trial.suggest_int("n_estimators", 50, 600, log=True),
            "num_leaves": trial.suggest_int("num_leaves", 4, 128, log=True),
            "min_child_samples": trial.suggest_int("min_child_samples", 2, 100, log=True),
            "reg_lambda": trial.suggest_float("reg_lambda", 1e-6, 10, log=True),
            "colsample_bytree": trial.suggest_float("colsample_bytree", 0.3, 1.0),
        }

    def objective(trial: optuna.Trial) -> float:
        model = kind(n_jobs=CORES, verbose=-1, random_state=1, **parameters(trial))
        return float(cross_val_score(model, tables.train, tables.truth, cv=5, scoring=scorer).mean())

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=1))
    study.optimize(objective, timeout=seconds)
    model = kind(n_jobs=CORES, verbose=-1, random_state=1, **study.best_params).fit(
        tables.train, tables.truth
    )
    return tables.answers(model, time.perf_counter() - started, len(pickle.dumps(model)))


def autogluon(folder: Path, target: str, metric: str, seconds: int) -> dict[str, object]:
    """AutoGluon with the preset of its medium quality."""
    from autogluon.tabular import TabularPredictor

    tables = _Tables(folder, target, metric)
    place = folder / "autogluon"
    by = {"rmse": "root_mean_squared_error", "roc_auc": "roc_auc"}.get(metric, metric)
    started = time.perf_counter()
    model = TabularPredictor("__target__", eval_metric=by, path=str(place), verbosity=0)
    model.fit(tables.train.assign(__target__=tables.truth), time_limit=seconds, num_cpus=CORES)
    spent = time.perf_counter() - started
    return tables.answers(
        model, spent, sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
    )


def _timed(ask: object) -> float:
    found = []
    for _ in range(5):
        started = time.perf_counter()
        ask()
        found.append(time.perf_counter() - started)
    return median(found)


CONTENDERS = {
    "kervan": kervan,
    "flaml": flaml,
    "lightgbm": lightgbm,
    "optuna and lightgbm": optuna_and_lightgbm,
    "autogluon": autogluon,
}

if __name__ == "__main__":
    _, name, place, target, metric, seconds, out = sys.argv
    found = CONTENDERS[name](Path(place), target, metric, int(seconds))
    Path(out).write_text(json.dumps(found), encoding="utf-8")
