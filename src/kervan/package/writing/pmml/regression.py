"""RegressionModel: tables of coefficients, and what normalises them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kervan.core.errors import Corrupted, Refused
from kervan.package.writing.neutral.form import Operation, Power, Unary
from kervan.package.writing.pmml.fields import EXPORT, to_number

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from kervan.package.writing.neutral.build import Builder
    from kervan.package.writing.pmml.formulas import Fields


def read_regression(model: Element, fields: Fields, labels: tuple[str, ...]) -> int:
    """Read one table, or one for each label."""
    method = model.get("normalizationMethod", "none")
    tables = model.findall("RegressionTable")
    if not tables or (not labels and len(tables) != 1):
        raise Corrupted("a regression has other tables than classes", hint="fetch the document again")
    values = [_table(table, fields) for table in tables]
    if not labels:
        return _linked(fields.builder, values[0], method)
    told = [table.get("targetCategory", "") for table in tables]
    if sorted(told) != sorted(labels):
        raise Refused(f"a regression knows the classes {told}, the document {list(labels)}", hint=EXPORT)
    order = [told.index(label) for label in labels]
    return fields.builder.take(_shares(fields.builder, values, method), order)


def _table(table: Element, fields: Fields) -> int:
    """Return intercept + sum of coefficients times fields."""
    builder, weights, values = fields.builder, [], []
    for told in table:
        if told.tag == "NumericPredictor":
            value = fields.number(told.get("name", ""))
            exponent = to_number(told.get("exponent", "1"))
            values.append(value if exponent == 1 else builder.add(Power(sources=(value,), exponent=exponent)))
        elif told.tag == "CategoricalPredictor":
            values.append(fields.is_text(fields.field(told.get("name", "")), told.get("value", "")))
        elif told.tag == "PredictorTerm":
            values.append(_product(told, fields))
        elif told.tag != "Extension":
            raise Refused(f"a regression has a {told.tag}", hint=EXPORT)
        if told.tag != "Extension":
            weights.append(to_number(told.get("coefficient")))
    intercept = to_number(table.get("intercept", "0"))
    if not values:
        return builder.constant([intercept])
    return builder.linear(builder.join(values), weights, intercept)


def _product(told: Element, fields: Fields) -> int:
    factors = [fields.number(part.get("field", "")) for part in told.iterfind("FieldRef")]
    if not factors:
        raise Corrupted("a term has no factors", hint="fetch the document again")
    total = factors[0]
    for factor in factors[1:]:
        total = fields.builder.combine(total, Operation.MULTIPLY, factor)
    return total


def _linked(builder: Builder, value: int, method: str) -> int:
    """Apply the inverse of a link to one number."""
    if method in {"logit", "softmax"}:
        return builder.map(value, Unary.LOGISTIC)
    if method == "exp":
        return builder.map(value, Unary.EXP)
    if method == "cloglog":  # 1 - exp(-exp(x))
        inner = builder.arithmetic(builder.map(value, Unary.EXP), Operation.MULTIPLY, -1.0)
        return builder.arithmetic(builder.map(inner, Unary.EXPM1), Operation.MULTIPLY, -1.0)
    if method != "none":
        raise Refused(f"a regression is normalised by {method}", hint=EXPORT)
    return value


def _shares(builder: Builder, values: list[int], method: str) -> int:
    """Return the probabilities of classes in the order of their tables; the last one has the rest."""
    if method == "softmax":
        return builder.softmax(builder.join(values))
    if method == "simplemax":
        return builder.normalise(builder.join(values))
    if method != "none" and len(values) != 2:
        raise Refused(f"a regression over {len(values)} classes is normalised by {method}", hint=EXPORT)
    parts = builder.join([_linked(builder, value, method) for value in values[:-1]] or [values[0]])
    width = builder.widths[parts]
    return builder.linear(parts, np.vstack([np.eye(width), -np.ones((1, width))]), [0.0] * width + [1.0])
