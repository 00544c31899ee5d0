"""Distributions with more than one mode: mixtures of normal ones."""

from __future__ import annotations

import numpy as np

from kervan.data.profile.families.continuous import normal_log
from kervan.data.profile.families.fit import Fit, Floats, fitted

_BINS = 256
_TURNS = 60
_MOST = 4
_VALLEY = 0.85  # between two modes the density falls below this share of the lower one
_LEAST_PEAK = 0.05  # of the highest
_LEAST_WEIGHT = 0.05


def multimodal(values: Floats) -> Fit | None:
    """Return the mixture whose components stand on the modes of the values; None where there is one mode."""
    low, high = np.quantile(values, [0.001, 0.999])
    if not high > low:
        return None
    inner = values[(values >= low) & (values <= high)]
    counts, edges = np.histogram(inner, bins=_BINS)
    places = (edges[:-1] + edges[1:]) / 2
    width = float(edges[1] - edges[0])
    peaks = _peaks(_smooth(counts.astype(np.float64), _bandwidth(values) / width))
    if not 2 <= len(peaks) <= _MOST:
        return None
    parts = _mixture(places, counts.astype(np.float64), places[peaks], width)
    if parts[0].min() < _LEAST_WEIGHT:
        return None
    if len(_peaks(np.exp(_mixture_log(places, parts)))) < 2:
        return None
    named = {f"mode_{place + 1}": float(mean) for place, mean in enumerate(np.sort(parts[1]))}
    free = 3 * len(peaks) - 1
    return fitted("multimodal", values, lambda x: _mixture_log(x, parts), free, **named)


def _bandwidth(values: Floats) -> float:
    """Return a width by which noise is smoothed away and modes are not: half of Silverman's rule."""
    lower, upper = np.quantile(values, [0.25, 0.75])
    spread = min(float(values.std()), float(upper - lower) / 1.34) or float(values.std())
    return float(0.5 * spread * len(values) ** -0.2)


def _smooth(counts: Floats, bandwidth: float) -> Floats:
    reach = int(np.ceil(4 * max(bandwidth, 1.0)))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(bandwidth, 1.0)) ** 2)
    return np.convolve(np.pad(counts, reach), kernel / kernel.sum(), mode="valid")


def _peaks(density: Floats) -> list[int]:
    """Return the places of the modes that a valley parts from every other."""
    rises = np.flatnonzero((density >= np.roll(density, 1)) & (density > np.roll(density, -1)))
    found: list[int] = []
    for place in rises.tolist():
        if density[place] < _LEAST_PEAK * density.max():
            continue
        if found:
            valley = density[found[-1] : place + 1].min()
            if valley >= _VALLEY * min(density[place], density[found[-1]]):
                if density[place] > density[found[-1]]:
                    found[-1] = place
                continue
        found.append(place)
    return found


def _mixture(places: Floats, counts: Floats, means: Floats, width: float) -> tuple[Floats, Floats, Floats]:
    """Return weights, means and deviations, by expectation and maximisation over the bins."""
    weights = np.full(len(means), 1 / len(means))
    means = means.astype(np.float64)
    deviations = np.full(len(means), float(np.diff(means).min()) / 4)
    total = counts.sum()
    for _ in range(_TURNS):
        parts = np.stack([normal_log(places, m, d) for m, d in zip(means, deviations, strict=True)])
        parts += np.log(weights)[:, None]
        shares = np.exp(parts - np.logaddexp.reduce(parts, axis=0)) * counts
        sizes = shares.sum(axis=1) + 1e-9
        weights = sizes / (total + len(means) * 1e-9)
        means = (shares * places).sum(axis=1) / sizes
        square = (shares * (places - means[:, None]) ** 2).sum(axis=1) / sizes
        deviations = np.sqrt(square + width * width / 12)
    return weights, means, deviations


def _mixture_log(values: Floats, parts: tuple[Floats, Floats, Floats]) -> Floats:
    each = [np.log(w) + normal_log(values, float(m), float(d)) for w, m, d in zip(*parts, strict=True)]
    return np.asarray(np.logaddexp.reduce(np.stack(each), axis=0))
