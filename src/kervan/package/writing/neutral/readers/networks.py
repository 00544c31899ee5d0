"""Multi-layer perceptrons of scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.core.errors import Refused
from kervan.package.writing.neutral.form import Operation, Unary
from kervan.package.writing.neutral.readers.registry import Ask, reads

if TYPE_CHECKING:
    from kervan.package.writing.neutral.build import Builder


@reads(Ask.VALUE, "sklearn.MLPRegressor")
@reads(Ask.PROBABILITIES, "sklearn.MLPClassifier")
def read_perceptron(builder: Builder, model: Any, value: int) -> int:
    """Read linear layers with an activation after each."""
    last = len(model.coefs_) - 1
    for place, (weights, bias) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        value = builder.linear(value, weights.T, bias)
        value = _activate(builder, value, model.activation if place < last else model.out_activation_)
    is_one_sided = hasattr(model, "classes_") and builder.widths[value] == 1
    return builder.both(value) if is_one_sided else value


def _activate(builder: Builder, value: int, name: str) -> int:
    if name == "relu":
        return builder.arithmetic(value, Operation.MAXIMUM, 0.0)
    if name == "softmax":
        return builder.softmax(value)
    if name == "identity":
        return value
    if name in {"logistic", "tanh", "exp"}:
        return builder.map(value, Unary(name))
    raise Refused(f"the neutral form has no activation {name!r}", hint="choose another `activation`")
