from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kervan.core.errors import Corrupted
from kervan.store.events import GENESIS, Entry, canonical, chain, check_chain

if TYPE_CHECKING:
    from kervan.core.nouns import Event

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
ENTRIES = st.builds(
    Entry,
    action=st.text(max_size=5),
    subject=st.text(max_size=5),
    why=st.text(max_size=5),
    body=st.dictionaries(st.text(max_size=5), JSON, max_size=3),
)


def chained(entries: list[Entry]) -> list[Event]:
    events: list[Event] = []
    for entry in entries:
        previous = events[-1] if events else None
        events.append(chain(entry, previous=previous, actor="ayşe", time=1.5 * len(events)))
    return events


@given(st.lists(ENTRIES, max_size=6))
def test_an_unaltered_chain_holds(entries: list[Entry]) -> None:
    events = chained(entries)
    assert check_chain(events) == (events[-1] if events else None)
    assert [event.sequence for event in events] == list(range(1, len(entries) + 1))
    assert not events or events[0].previous == GENESIS


CHANGES: dict[str, Any] = {
    "time": 99.5,
    "actor": "mehmet",
    "action": "başka iş",
    "subject": "başka konu",
    "why": "başka neden",
    "body": {"başka": 1},
    "previous": "f" * 64,
    "hash": "f" * 64,
}


@given(st.lists(ENTRIES, min_size=1, max_size=5), st.data())
def test_any_altered_field_of_any_event_is_named(entries: list[Entry], data: st.DataObject) -> None:
    events = chained(entries)
    place = data.draw(st.integers(0, len(events) - 1))
    field = data.draw(st.sampled_from(sorted(CHANGES)))
    events[place] = replace(events[place], **{field: CHANGES[field]})
    with pytest.raises(Corrupted, match=rf"event {place + 1} \("):
        check_chain(events)


@given(st.lists(ENTRIES, min_size=2, max_size=5), st.data())
def test_a_removed_or_moved_event_is_named(entries: list[Entry], data: st.DataObject) -> None:
    events = chained(entries)
    place = data.draw(st.integers(0, len(events) - 2))
    with pytest.raises(Corrupted, match=f"event {place + 1} is missing"):
        check_chain(events[:place] + events[place + 1 :])
    swapped = events.copy()
    swapped[place], swapped[place + 1] = swapped[place + 1], swapped[place]
    with pytest.raises(Corrupted, match=f"event {place + 1} is missing"):
        check_chain(swapped)


def test_the_canonical_form_does_not_hang_on_the_order_of_keys() -> None:
    assert canonical({"b": 1, "a": {"d": "ş", "c": 2}}) == canonical({"a": {"c": 2, "d": "ş"}, "b": 1})
    assert canonical({"şehir": "İzmir"}) == '{"şehir":"İzmir"}'.encode()
