"""What of the steps of a table still holds for its columns when all of them are done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core import shaping

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kervan.core.nouns import Shaping
    from kervan.core.written import Written

_OF_ROWS = (shaping.Filter, shaping.Deduplicate, shaping.Join, shaping.Drop, shaping.Select)


def written_of(steps: Iterable[shaping.TableStep], done: Iterable[Shaping]) -> dict[str, Written]:
    """Return how the columns were written that steps parsed and no later one changed, by their last names.

    `done` is what each of them did; those that leave out outliers come last and are not looked at.
    """
    known: dict[str, Written] = {}
    making = (step for step in steps if not isinstance(step, shaping.Outliers))
    for step, changed in zip(making, done, strict=False):
        known = {**_untouched(known, step), **changed.written}
    return known


def _untouched(known: Mapping[str, Written], step: shaping.TableStep) -> dict[str, Written]:
    match step:
        case shaping.Rename():
            return {step.rename.get(name, name): written for name, written in known.items()}
        case shaping.Replace():
            made: Iterable[str] = (step.replace,)
        case shaping.Parse():
            made = () if step.to == "number" else step.parse  # numbers that are some stay as they are
        case shaping.Derive():
            made = step.derive
        case shaping.Window():
            made = step.window
        case shaping.Combine():
            made = (step.into,)
        case shaping.Extract():
            made = ()
        case _:
            return dict(known) if isinstance(step, _OF_ROWS) else {}
    return {name: written for name, written in known.items() if name not in made}
