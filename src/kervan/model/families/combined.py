"""Ensembles of other candidates: votes, stacks and bags, each a family whose recipe has members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.model.families.family import Family

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kervan.core.schema import Signature

    Parts = list[tuple[str, Any]]

VOTE, MAJORITY, STACK, BAG = "vote", "majority", "stack", "bag"
STACK_FOLDS = 5
_BAGS = 10
_RANK = 5


def combine(
    kind: str, signature: Signature, members: Sequence[Any], weights: Sequence[float], seed: int
) -> Any:
    """Return an estimator that combines unfitted members: pipelines over one matrix.

    A vote averages probabilities or values, by `weights` if there are any; a majority counts the classes
    that are named. A stack learns from out-of-fold answers how to combine them (D. H. Wolpert, Stacked
    generalization, 1992); a bag repeats its one member on rows drawn anew (L. Breiman, 1996).
    """
    parts = [(f"member {place}", member) for place, member in enumerate(members)]
    return _KINDS[kind](signature, parts, list(weights) or None, seed)


def _vote(signature: Signature, parts: Parts, weights: list[float] | None, seed: int) -> Any:
    from sklearn.ensemble import VotingClassifier, VotingRegressor

    if signature.is_classification:
        return VotingClassifier(parts, voting="soft", weights=weights)
    return VotingRegressor(parts, weights=weights)


def _majority(signature: Signature, parts: Parts, weights: list[float] | None, seed: int) -> Any:
    from sklearn.ensemble import VotingClassifier

    return VotingClassifier(parts, voting="hard", weights=weights)


def _stack(signature: Signature, parts: Parts, weights: list[float] | None, seed: int) -> Any:
    from sklearn.ensemble import StackingClassifier, StackingRegressor

    kind = StackingClassifier if signature.is_classification else StackingRegressor
    return kind(parts, final_estimator=combiner(signature), cv=_folds(signature, seed))


def combiner(signature: Signature) -> Any:
    """Return what a stack learns over the answers of its members: few weights, held back."""
    from sklearn.linear_model import LogisticRegression, RidgeCV

    return LogisticRegression(C=1.0, max_iter=1000) if signature.is_classification else RidgeCV()


def _folds(signature: Signature, seed: int) -> Any:
    from sklearn.model_selection import KFold, StratifiedKFold

    kind = StratifiedKFold if signature.is_classification else KFold
    return kind(STACK_FOLDS, shuffle=True, random_state=seed)


def _bag(signature: Signature, parts: Parts, weights: list[float] | None, seed: int) -> Any:
    from sklearn.ensemble import BaggingClassifier, BaggingRegressor

    kind = BaggingClassifier if signature.is_classification else BaggingRegressor
    return kind(parts[0][1], n_estimators=_BAGS, random_state=seed)


def _unbuilt(*_: object) -> list[Any]:
    raise TypeError("an ensemble is built of its members")


_KINDS: dict[str, Callable[[Signature, Parts, list[float] | None, int], Any]] = {
    VOTE: _vote,
    MAJORITY: _majority,
    STACK: _stack,
    BAG: _bag,
}
COMBINED = {
    name: Family(name=name, build=_unbuilt, space=lambda _: {}, rank=_RANK, regresses=name != MAJORITY)
    for name in _KINDS
}
