"""How much two counts of bad events tell about two versions that share the traffic by chance.

Only the bad events are looked at. Where a share c of the requests goes to the candidate by chance, and a
request of its own goes wrong at most r times as often as one of the stable version's, any bad event is the
candidate's with a chance of at most q = c r / (c r + 1 - c), however often requests go wrong at that time.
So neither a load that changes nor an incident that meets both is mistaken for a fault of the candidate.
(R. Johari, P. Koomen, L. Pekelis, D. Walsh, Always valid inference, Operations Research 70 (3), 2022;
M. Lindon, A. Malek, Anytime-valid inference for multinomial count data, NeurIPS 2022.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
_EXACT = 2 * len(_NODES) - 1  # polynomials up to this degree are integrated exactly
_DEEP = 45.0  # e to the power of -45 is nothing beside 1
_WIDE = 9.0  # standard deviations


def candidates_part(share: float, margin: float) -> float:
    """Return the part of bad events that is the candidate's if it is `margin` times as bad as the stable one.

    >>> candidates_part(0.05, 1.0), round(candidates_part(0.5, 2.0), 3)
    (0.05, 0.667)
    """
    return share * margin / (share * margin + 1 - share)


def log_evidence(bad: ArrayLike, events: ArrayLike, part: ArrayLike, upto: ArrayLike = 1.0) -> Floats:
    """Return the logarithm of the e-value of `bad` among `events` against "at most `part` of them".

    E is the likelihood of the counts under shares θ that are equally likely from q to t, beside that under q,

        E = ∫ θ^k (1 - θ)^(n - k) dθ / ((t - q) q^k (1 - q)^(n - k)),  θ from q to t,

    that is B(1 + k, 1 + n - k) (I_t(1 + k, 1 + n - k) - I_q(1 + k, 1 + n - k)) above the same. For each θ
    above q the ratio of likelihoods is a supermartingale as long as the chance of each next event stays at or
    below q, and so is their mean: E exceeds 1 / α, at whatever time one looks, with a chance of at most α
    (J. Ville, 1939; H. Robbins, Annals of Mathematical Statistics 41, 1970). The integral is taken by Gauss
    and Legendre's rule of 64 points: exact up to 127 events, and around the peak beyond. Arrays that fit
    each other; 0 < `part` < `upto` ≤ 1.

    >>> round(float(log_evidence(0, 0, 0.05)), 9)
    0.0
    >>> bool(log_evidence(5, 6, 0.05) > np.log(1000))
    True
    """
    few, many, null, top = (np.asarray(each, np.float64)[..., None] for each in (bad, events, part, upto))
    low, high = _reach(few, many, null, top)
    above = (low - null) + (high - low) * (_NODES + 1) / 2
    logs = few * np.log1p(above / null) + (many - few) * np.log1p(-above / (1 - null))
    most = logs.max(-1, keepdims=True)
    mean = (np.exp(logs - most) * _WEIGHTS).sum(-1) / 2
    whole: Floats = np.log(mean * ((high - low) / (top - null))[..., 0]) + most[..., 0]
    return whole


def _reach(bad: Floats, events: Floats, part: Floats, upto: Floats) -> tuple[Floats, Floats]:
    """Return from where to where between `part` and `upto` there is anything to integrate."""
    count = np.maximum(events, 1)
    seen = bad / count
    peak = np.clip(seen, part, upto)
    spread = np.maximum(peak * (1 - peak), 1e-300)
    aside = _WIDE * np.sqrt(spread / count) + _DEEP / count
    steep = np.abs(bad - events * peak) / spread
    aside = np.where(steep > 0, np.minimum(aside, _DEEP / np.maximum(steep, 1e-9)), aside)
    is_exact = events <= _EXACT
    low = np.where(is_exact, part, np.maximum(part, peak - aside))
    high = np.where(is_exact, upto, np.minimum(upto, peak + aside))
    return low, high


def log_evidence_of_two(bad: ArrayLike, events: ArrayLike, part: ArrayLike, near: ArrayLike) -> Floats:
    """Return the same where half of the stake is on shares up to `near`, half on all up to 1.

    Small faults are found sooner then, and great ones hardly later.
    """
    few, many, null, close = np.broadcast_arrays(bad, events, part, near)
    logs = log_evidence(few, many, null, np.stack([close, np.ones(close.shape)]))
    both: Floats = np.logaddexp.reduce(logs) - np.log(2)
    return both


def log_mean(logs: Floats) -> float:
    """Return the logarithm of the mean of e-values, which is an e-value.

    (V. Vovk, R. Wang, E-values: calibration, combination and applications, Annals of Statistics 49, 2021.)
    """
    return float(np.logaddexp.reduce(logs) - np.log(len(logs)))
