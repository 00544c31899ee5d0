"""Runs of those who keep their own training loop: what is logged by hand, and what is logged by itself."""

from __future__ import annotations

import functools
import sys
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from kervan.api.session import open as open_workspace
from kervan.core.errors import InvalidInput
from kervan.core.plugins import extras_named

with extras_named():
    from kervan.flow.track import Tracker, current

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_LIBRARIES = {
    "lightgbm": ("LGBMClassifier", "LGBMRegressor", "LGBMRanker"),
    "xgboost": ("XGBClassifier", "XGBRegressor", "XGBRanker"),
    "catboost": ("CatBoostClassifier", "CatBoostRegressor"),
}
_busy: ContextVar[bool] = ContextVar("kervan_autolog", default=False)
_FIT = "__kervan_fit__"  # what was there before
_OWN = "__kervan_own__"  # whether it was of the class itself, not of one above


def log_metric(name: str, value: float, *, step: int | None = None) -> None:
    """Log one value of a metric of the run that goes on; see `Session.track`."""
    _going_on().log_metric(name, value, step=step)


def log_params(parameters: Mapping[str, Any]) -> None:
    """Log parameters of the run that goes on."""
    _going_on().log_parameters(parameters)


def log_artifact(path: str | Path, *, name: str = "") -> None:
    """Keep a file with the run that goes on."""
    _going_on().log_artifact(path, name=name)


def autolog(folder: str | Path = ".", *, on: bool = True) -> None:
    """Log every `fit` of scikit-learn's estimators, and of LightGBM, XGBoost and CatBoost where imported.

    Each outermost fit logs the estimator's parameters, the rows and columns that it saw, its seconds and its
    score on them, and what a search found: in the run that goes on, or in one of its own, in the project of a
    folder. With `on=False` nothing is logged any more.
    """
    for kind in _kinds():
        own = vars(kind).get("fit")
        is_logged = hasattr(own, _FIT)
        if on and not is_logged:
            kind.fit = _logged(kind.fit, folder)
            kind.fit.__dict__[_OWN] = own is not None
        elif not on and is_logged and own is not None:
            if getattr(own, _OWN):
                kind.fit = getattr(own, _FIT)
            else:
                del kind.fit


def _kinds() -> Iterator[type[Any]]:
    with extras_named():
        from sklearn.utils import all_estimators

    yield from (kind for _, kind in all_estimators() if hasattr(kind, "fit"))
    for library, names in _LIBRARIES.items():
        if library in sys.modules:
            yield from (getattr(sys.modules[library], name) for name in names)


def _logged(original: Callable[..., Any], folder: str | Path) -> Callable[..., Any]:
    @functools.wraps(original)
    def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _busy.get():  # a part of an estimator that is being logged
            return original(self, *args, **kwargs)
        token = _busy.set(True)
        try:
            with _run(type(self).__name__, folder) as run:
                started = time.perf_counter()
                fitted = original(self, *args, **kwargs)
                run.log_metric("fit_seconds", time.perf_counter() - started)
                _log(run, self, args)
                return fitted
        finally:
            _busy.reset(token)

    setattr(fit, _FIT, original)
    return fit


@contextmanager
def _run(name: str, folder: str | Path) -> Iterator[Tracker]:
    """Give the run that goes on, or a new one in the project of a folder."""
    going_on = current()
    if going_on is not None:
        yield going_on
        return
    with open_workspace(folder, progress=False) as workspace, workspace.track(name) as run:
        yield run


def _log(run: Tracker, estimator: Any, args: tuple[Any, ...]) -> None:
    parameters = estimator.get_params(deep=False) if hasattr(estimator, "get_params") else {}
    run.log_parameters({"class": type(estimator).__name__, **_plain(parameters)})
    shape: tuple[int, ...] = getattr(args[0], "shape", ()) if args else ()
    run.log_parameters(dict(zip(("rows", "columns"), map(int, shape), strict=False)))
    if hasattr(estimator, "best_params_"):
        run.log_parameters({f"best.{name}": each for name, each in _plain(estimator.best_params_).items()})
        run.log_metric("best_score", float(estimator.best_score_))
    if len(args) > 1 and hasattr(estimator, "score"):
        run.log_metric("training_score", float(estimator.score(*args[:2])))


def _plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as records hold them: what is no plain value in the words of its library."""
    return {
        name: value if value is None or isinstance(value, str | int | float | bool) else str(value)
        for name, value in parameters.items()
    }


def _going_on() -> Tracker:
    run = current()
    if run is None:
        raise InvalidInput("no run goes on", hint='begin one: with ws.track("try") as run: …')
    return run
