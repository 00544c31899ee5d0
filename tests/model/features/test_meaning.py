"""What expressions mean: the same in plain Python, in the neutral form and in ONNX, for any row."""

from __future__ import annotations

import math
import re
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import assume, given, note, settings
from hypothesis import strategies as st

from kervan.core.errors import InvalidConfig
from kervan.core.expressions import parse
from kervan.core.features import Feature
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.model.features.columns import FeatureColumns, feature_columns
from kervan.model.features.signature import computed
from kervan.package.encoding import days_of, encoded
from kervan.package.writing.formats.onnx import open_session
from kervan.package.writing.formats.onnx_graph import matrix_graph
from kervan.package.writing.neutral.build import Builder
from kervan.package.writing.neutral.fold import fold
from kervan.package.writing.neutral.form import Form, Unary
from kervan.package.writing.neutral.score import score

from .interpreter import evaluate

CITIES = ("Ankara", "İzmir", "Van")
INPUTS = Schema(
    (
        Column(name="a", type=Type.NUMBER, nullable=True),
        Column(name="b", type=Type.NUMBER, nullable=True),
        Column(name="city", type=Type.CATEGORY, nullable=True, allowed=CITIES),
        Column(name="is new", type=Type.BOOLEAN, nullable=True),
        Column(name="start", type=Type.DATE, nullable=True),
        Column(name="end", type=Type.DATE, nullable=True),
    )
)
OUTPUT = Column(name="y", type=Type.NUMBER)
NOTHING = -987654.0
NEVER = re.compile("takes no column|is needed|expected|no function")

_literals = st.sampled_from(["0", "1", "2", "0.5", "-3", "10", "1e9", "1e-9"])
_numbers = st.recursive(
    _literals
    | st.sampled_from(["a", "b", "`is new`", "length(city)", "year(start)", "weekday(end)"])
    | st.sampled_from(["month(start)", "day(end)", "(end - start)", "days_between(start, end)"]),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
        st.builds("{}({})".format, st.sampled_from(["abs", "floor", "round", "sqrt"]), inner),
        st.builds("{}({}, {})".format, st.sampled_from(["min", "max", "coalesce"]), inner, inner),
        st.builds("({}) ** {}".format, inner, st.sampled_from(["2", "3", "0.5"])),
        st.builds("bin({}, [-1, 0.5, 20])".format, inner),
        st.builds("round({}, 1)".format, inner),
        st.builds("if({} < {}, {}, {})".format, inner, inner, inner, inner),
    ),
    max_leaves=6,
)
_truths = st.recursive(
    st.builds("({} {} {})".format, _numbers, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), _numbers)
    | st.sampled_from(["`is new`", "city == 'Van'", "city != 'Van'", "city in ['Ankara', 'Van']"])
    | st.sampled_from(["contains(lower(city), 'i')", "starts_with(upper(city), 'İ')", "missing(city)"])
    | st.sampled_from(
        ["start < end", "start == end", "missing(start)", "start >= '2001-02-03'", "a in [1, 2]"]
    )
    | st.builds("missing({})".format, _numbers),
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner)
        | st.builds("not ({})".format, inner)
    ),
    max_leaves=4,
)
# What engines compute to the last digit or two alone: nothing asks a question of it.
_soft = st.builds("{}({})".format, st.sampled_from(["exp", "log", "log1p"]), _numbers)
_soft |= st.builds("{}({}, {}, {})".format, st.sampled_from(["sum", "mean"]), _numbers, _numbers, _numbers)
_soft |= st.builds("({}) ** {}".format, _numbers, st.sampled_from(["-1", "1.5", "-2", "5"]))
_expressions = _numbers | _truths | _soft
_values = st.none() | st.sampled_from([0.0, 1.0, 2.0, -1.0, 0.5]) | st.floats(-1e6, 1e6)
_days = st.none() | st.dates(date(1950, 1, 1), date(2090, 1, 1))
_rows = st.fixed_dictionaries(
    {
        "a": _values,
        "b": _values,
        "city": st.none() | st.sampled_from(CITIES),
        "is new": st.none() | st.booleans(),
        "start": _days,
        "end": _days,
    }
)


def encode(row: dict[str, Any]) -> list[float]:
    city = -1.0 if row["city"] is None else float(CITIES.index(row["city"]))
    days = [math.nan if row[name] is None else days_of(row[name]) for name in ("start", "end")]
    numbers = [math.nan if row[name] is None else float(row[name]) for name in ("a", "b", "is new")]
    return [numbers[0], numbers[1], city, numbers[2], *days]


def form_of(columns: FeatureColumns, signature: Signature) -> Form:
    """A form that answers with the only feature, and a number of its own where that is missing."""
    builder = Builder(encoded(signature))
    value = columns.write_form(builder, 0)
    feature = builder.take(value, [len(INPUTS)])
    answer = builder.replace(
        builder.map(feature, Unary.MISSING),
        feature,
        builder.constant([NOTHING]),
    )
    return fold(Form(signature=encoded(signature), layers=tuple(builder.layers)), answer)


@settings(max_examples=100)
@given(_expressions, st.lists(_rows, min_size=1, max_size=6))
def test_an_expression_means_the_same_in_python_in_the_form_and_in_onnx(
    tmp_path_factory: Any, text: str, rows: list[dict[str, Any]]
) -> None:
    note(text)
    signature = Signature(inputs=INPUTS, output=OUTPUT, features=(Feature("x", text),))
    try:
        computed(signature)
    except InvalidConfig as error:  # it holds constants alone, here or there
        assert not NEVER.search(str(error))  # noqa: PT017
        assume(False)
    (columns,) = feature_columns(signature)
    columns.n_features_in_, columns.edges_ = len(INPUTS), []
    form = form_of(columns, signature)
    matrix = np.array([encode(row) for row in rows])
    given_ = [evaluate(parse(text), row) for row in rows]
    wanted = np.array([NOTHING if each is None else float(each) for each in given_])
    wanted[np.abs(wanted) > 3.4028234663852886e38] = NOTHING
    np.testing.assert_allclose(score(form, matrix)[:, 0], wanted, rtol=1e-9, atol=1e-9)
    path = Path(tmp_path_factory.mktemp("graph")) / "model.onnx"
    path.write_bytes(matrix_graph(form).SerializeToString())
    session = open_session(path)
    (answer,) = session.run(None, {session.get_inputs()[0].name: matrix})
    np.testing.assert_allclose(answer[:, 0], wanted, rtol=1e-6, atol=1e-6)
