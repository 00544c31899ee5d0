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


def log_evidence(bad: ArrayLike, events: ArrayLike, part: ArrayLike) -> NDArray[np.float64]:
    """Return the logarithm of the e-value of `bad` among `events` against "at most `part` of them".

    E is the likelihood of the counts under shares θ that are equally likely above q, beside that under q,

        E = ∫ θ^k (1 - θ)^(n - k) dθ / ((1 - q) q^k (1 - q)^(n - k)),  θ from q to 1,

    that is B(1 + k, 1 + n - k) (1 - I_q(1 + k, 1 + n - k)) above the same. For each θ above q the ratio of
    likelihoods is a supermartingale as long as the chance of each next event stays at or below q, and so is
    their mean: E exceeds 1 / α, at whatever time one looks, with a chance of at most α (J. Ville, 1939;
    H. Robbins, Annals of Mathematical Statistics 41, 1970). The integral is taken by Gauss and Legendre's
    rule of 64 points: exact up to 127 events, and around the peak beyond. Arrays of one shape; `part` lies
    between 0 and 1, both excluded.

    >>> round(float(log_evidence(0, 0, 0.05)), 9)
    0.0
    >>> bool(log_evidence(5, 6, 0.05) > np.log(1000))
    True
    """
    few, many, null = (np.asarray(each, np.float64)[..., None] for each in (bad, events, part))
    low, high = _reach(few, many, null)
    above = (low - null) + (high - low) * (_NODES + 1) / 2
    logs = few * np.log1p(above / null) + (many - few) * np.log1p(-above / (1 - null))
    most = logs.max(-1, keepdims=True)
    mean = (np.exp(logs - most) * _WEIGHTS).sum(-1) / 2
    whole: NDArray[np.float64] = np.log(mean * ((high - low) / (1 - null))[..., 0]) + most[..., 0]
    return whole


def _reach(
    bad: NDArray[np.float64], events: NDArray[np.float64], part: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return from where to where above `part` there is anything to integrate."""
    count = np.maximum(events, 1)
    seen = bad / count
    peak = np.maximum(seen, part)
    aside = _WIDE * np.sqrt(peak * (1 - peak) / count) + _DEEP / count
    downhill = np.maximum(events * part - bad, 1e-9) / (part * (1 - part))
    beyond = np.where(seen < part, np.minimum(aside, _DEEP / downhill), aside)
    is_exact = events <= _EXACT
    low = np.where(is_exact, part, np.maximum(part, seen - aside))
    high = np.where(is_exact, 1.0, np.minimum(1.0, peak + beyond))
    return low, high


def log_mean(logs: NDArray[np.float64]) -> float:
    """Return the logarithm of the mean of e-values, which is an e-value.

    (V. Vovk, R. Wang, E-values: calibration, combination and applications, Annals of Statistics 49, 2021.)
    """
    return float(np.logaddexp.reduce(logs) - np.log(len(logs)))
