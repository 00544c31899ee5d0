from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kervan.deploy.targets.yaml_text import yaml_text

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(
        ["", "no", "On", "1e3", "0x1f", "1_000", "12:30", "2026-01-01", "~", "a: b", "- a", "#"]
    )
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(st.lists(st.dictionaries(st.text(), VALUES), min_size=1, max_size=3))
def test_another_reader_reads_what_was_written(documents: list[dict[str, Any]]) -> None:
    assert list(yaml.safe_load_all(yaml_text(*documents))) == documents


def test_people_can_read_it() -> None:
    text = yaml_text({"args": ["sleep", "10"], "spec": {"ports": [{"port": 80}], "selector": {}}})
    assert text == 'args:\n  - sleep\n  - "10"\nspec:\n  ports:\n    - port: 80\n  selector: {}\n'


def test_numbers_that_no_reader_knows_are_refused() -> None:
    with pytest.raises(ValueError, match="nan"):
        yaml_text({"a": float("nan")})
