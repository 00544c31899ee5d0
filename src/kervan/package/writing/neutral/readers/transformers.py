"""What stands before a model in a scikit-learn pipeline: imputers, encoders, scalers, selections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Refused
from kervan.package.writing.neutral.form import AtLeast, Equal, Impute, Operation, Power, Unary
from kervan.package.writing.neutral.readers.registry import Ask, read, reads

if TYPE_CHECKING:
    from kervan.package.writing.neutral.build import Builder


@reads(Ask.TRANSFORM, "sklearn.Pipeline")
def read_steps(builder: Builder, model: Any, value: int) -> int:
    """Read one transformer after another."""
    for _, step in model.steps:
        if step not in (None, "passthrough"):
            value = read(builder, step, value, Ask.TRANSFORM)
    return value


@reads(Ask.TRANSFORM, "sklearn.ColumnTransformer")
def read_columns(builder: Builder, model: Any, value: int) -> int:
    """Read transformers over some of the columns each, their outputs side by side."""
    parts = []
    for name, transformer, columns in model.transformers_:
        places = _places(model, columns)
        if (isinstance(transformer, str) and transformer == "drop") or not len(places):
            continue
        taken = builder.take(value, places)
        is_plain = isinstance(transformer, str)
        given = taken if is_plain else read(builder, transformer, taken, Ask.TRANSFORM)
        weight = (model.transformer_weights or {}).get(name)
        parts.append(given if weight is None else builder.arithmetic(given, Operation.MULTIPLY, weight))
    if not parts:
        raise Refused("a transformer without any column cannot be written", hint="name a column")
    return builder.join(parts)


@reads(Ask.TRANSFORM, "sklearn.FeatureUnion")
def read_union(builder: Builder, model: Any, value: int) -> int:
    """Read transformers over the same columns, their outputs side by side."""
    parts = []
    for name, transformer in model.transformer_list:
        if isinstance(transformer, str) and transformer == "drop":
            continue
        is_plain = isinstance(transformer, str)
        given = value if is_plain else read(builder, transformer, value, Ask.TRANSFORM)
        weight = (model.transformer_weights or {}).get(name)
        parts.append(given if weight is None else builder.arithmetic(given, Operation.MULTIPLY, weight))
    return builder.join(parts)


@reads(Ask.TRANSFORM, "sklearn.SimpleImputer")
def read_imputer(builder: Builder, model: Any, value: int) -> int:
    """Read what is put in the place of missing numbers."""
    if not (isinstance(model.missing_values, float) and np.isnan(model.missing_values)):
        raise Refused(f"the imputer looks for {model.missing_values!r}", hint="mark what is missing by NaN")
    fill = np.asarray(model.statistics_, dtype=np.float64)
    empty = np.isnan(fill)
    kept = value if model.keep_empty_features else builder.take(value, np.flatnonzero(~empty))
    known = np.where(empty, 0.0, fill) if model.keep_empty_features else fill[~empty]
    filled = builder.add(Impute(sources=(kept,), fill=known))
    if not model.add_indicator:
        return filled
    return builder.join([filled, read(builder, model.indicator_, value, Ask.TRANSFORM)])


@reads(Ask.TRANSFORM, "sklearn.MissingIndicator")
def read_indicator(builder: Builder, model: Any, value: int) -> int:
    """Read which numbers are missing."""
    return builder.map(builder.take(value, model.features_), Unary.MISSING)


@reads(Ask.TRANSFORM, "sklearn.StandardScaler")
def read_standard(builder: Builder, model: Any, value: int) -> int:
    """Read (x - mean) / deviation."""
    return builder.scale(
        value,
        offset=model.mean_ if model.with_mean else None,
        divisor=model.scale_ if model.with_std else None,
    )


@reads(Ask.TRANSFORM, "sklearn.RobustScaler")
def read_robust(builder: Builder, model: Any, value: int) -> int:
    """Read (x - median) / range of quantiles."""
    return builder.scale(value, offset=model.center_, divisor=model.scale_)


@reads(Ask.TRANSFORM, "sklearn.MinMaxScaler")
def read_range(builder: Builder, model: Any, value: int) -> int:
    """Read x * scale + minimum, clipped if the scaler clips."""
    scaled = builder.arithmetic(value, Operation.MULTIPLY, model.scale_)
    moved = builder.arithmetic(scaled, Operation.ADD, model.min_)
    if not model.clip:
        return moved
    low, high = model.feature_range
    return builder.arithmetic(builder.arithmetic(moved, Operation.MAXIMUM, low), Operation.MINIMUM, high)


@reads(Ask.TRANSFORM, "sklearn.MaxAbsScaler")
def read_largest(builder: Builder, model: Any, value: int) -> int:
    """Read x / the largest absolute value."""
    return builder.arithmetic(value, Operation.DIVIDE, model.scale_)


@reads(Ask.TRANSFORM, "sklearn.Binarizer")
def read_binary(builder: Builder, model: Any, value: int) -> int:
    """Read which numbers are above a threshold."""
    return builder.map(builder.arithmetic(value, Operation.SUBTRACT, model.threshold), Unary.POSITIVE)


@reads(Ask.TRANSFORM, "sklearn.OneHotEncoder")
def read_one_hot(builder: Builder, model: Any, value: int) -> int:
    """Read one element for each category, 1 where the input has it."""
    if model.handle_unknown == "infrequent_if_exist" or model.min_frequency or model.max_categories:
        raise Refused("an encoder of rare categories cannot be written", hint="merge rare categories before")
    places, values = [], []
    dropped = model.drop_idx_ if model.drop_idx_ is not None else [None] * len(model.categories_)
    for place, (known, without) in enumerate(zip(model.categories_, dropped, strict=True)):
        kept = [code for at, code in enumerate(_codes(known)) if at != without]
        places += [place] * len(kept)
        values += kept
    return builder.add(
        Equal(sources=(value,), places=np.array(places, dtype=np.int64), values=np.array(values))
    )


@reads(Ask.TRANSFORM, "sklearn.OrdinalEncoder")
def read_ordinal(builder: Builder, model: Any, value: int) -> int:
    """Read each category's place in the encoder's order; an unknown one as the encoder says."""
    if model.handle_unknown != "use_encoded_value" or model.min_frequency or model.max_categories:
        raise Refused(
            "an ordinal encoder that refuses unknown categories cannot be written",
            hint='use handle_unknown="use_encoded_value" with a number',
        )
    unknown = float(model.unknown_value)
    if np.isnan(unknown):
        raise Refused("an ordinal encoder that gives NaN cannot be written", hint="use unknown_value=-1")
    parts = [
        _looked_up(builder, value, place, known, np.arange(len(known))[None, :], unknown)
        for place, known in enumerate(model.categories_)
    ]
    return builder.join(parts)


@reads(Ask.TRANSFORM, "sklearn.TargetEncoder")
def read_target(builder: Builder, model: Any, value: int) -> int:
    """Read the mean of the target for each category, or its share of each class; of all for unknown ones."""
    means = np.ravel(model.target_mean_)
    parts = [
        _looked_up(builder, value, place, known, model.encodings_[len(means) * place :][: len(means)], means)
        for place, known in enumerate(model.categories_)
    ]
    return builder.join(parts)


@reads(Ask.TRANSFORM, "sklearn.KBinsDiscretizer")
def read_bins(builder: Builder, model: Any, value: int) -> int:
    """Read which bin a number falls into, as its place or as one element for each bin."""
    parts = []
    for place, edges in enumerate(model.bin_edges_):
        inner = np.asarray(edges[1:-1], dtype=np.float64)
        bins = len(edges) - 1
        if not len(inner):
            one = builder.constant([0.0 if model.encode == "ordinal" else 1.0])
            parts.append(one)
            continue
        reached = builder.add(
            AtLeast(sources=(value,), places=np.full(len(inner), place, dtype=np.int64), values=inner)
        )
        number = builder.linear(reached, np.ones(len(inner)), 0.0)
        if model.encode == "ordinal":
            parts.append(number)
        else:
            equal = Equal(
                sources=(number,), places=np.zeros(bins, dtype=np.int64), values=np.arange(bins, dtype=float)
            )
            parts.append(builder.add(equal))
    return builder.join(parts)


@reads(Ask.TRANSFORM, "sklearn.PolynomialFeatures")
def read_polynomial(builder: Builder, model: Any, value: int) -> int:
    """Read products of powers of the inputs."""
    parts = []
    for powers in model.powers_:
        factors = [place for place, power in enumerate(powers) for _ in range(int(power))]
        product = builder.constant([1.0]) if not factors else builder.take(value, factors[:1])
        for place in factors[1:]:
            product = builder.combine(product, Operation.MULTIPLY, builder.take(value, [place]))
        parts.append(product)
    return builder.join(parts)


@reads(Ask.TRANSFORM, "sklearn.PowerTransformer")
def read_power(builder: Builder, model: Any, value: int) -> int:
    """Read Box-Cox's or Yeo and Johnson's power of each input (Biometrika 87, 2000), then the scaler."""
    parts = []
    for place, exponent in enumerate(model.lambdas_):
        one = builder.take(value, [place])
        parts.append(
            _box_cox(builder, one, exponent)
            if model.method == "box-cox"
            else _yeo_johnson(builder, one, exponent)
        )
    joined = builder.join(parts)
    return read(builder, model._scaler, joined, Ask.TRANSFORM) if model.standardize else joined


@reads(Ask.TRANSFORM, "sklearn.PCA", "sklearn.TruncatedSVD", "sklearn.IncrementalPCA")
def read_components(builder: Builder, model: Any, value: int) -> int:
    """Read a projection onto components."""
    mean = getattr(model, "mean_", None)
    projected = builder.linear(builder.scale(value, offset=mean, divisor=None), model.components_, 0.0)
    if getattr(model, "whiten", False):
        return builder.arithmetic(projected, Operation.DIVIDE, np.sqrt(model.explained_variance_))
    return projected


@reads(
    Ask.TRANSFORM,
    "sklearn.GenericUnivariateSelect",
    "sklearn.RFE",
    "sklearn.RFECV",
    "sklearn.SelectFdr",
    "sklearn.SelectFpr",
    "sklearn.SelectFromModel",
    "sklearn.SelectFwe",
    "sklearn.SelectKBest",
    "sklearn.SelectPercentile",
    "sklearn.SequentialFeatureSelector",
    "sklearn.VarianceThreshold",
)
def read_selection(builder: Builder, model: Any, value: int) -> int:
    """Read which columns were chosen."""
    return builder.take(value, np.flatnonzero(model.get_support()))


@reads(Ask.TRANSFORM, "sklearn.FunctionTransformer")
def read_function(builder: Builder, model: Any, value: int) -> int:
    """Read a NumPy function of each number; any other function is refused."""
    function = model.func
    if function is None:
        return value
    name = getattr(function, "__name__", "")
    if type(function) is np.ufunc and name in {"exp", "log", "log1p", "expm1", "sqrt", "tanh", "floor"}:
        return builder.map(value, Unary(name))
    if function is np.abs:
        return builder.map(value, Unary.ABS)
    if function is np.square:
        return builder.combine(value, Operation.MULTIPLY, value)
    raise Refused(
        f"the function {name or function!r} cannot be written",
        hint="use numpy's exp, log, log1p, expm1, sqrt, tanh, floor, abs or square",
    )


@reads(Ask.TRANSFORM, "sklearn.Normalizer")
def read_norm(builder: Builder, model: Any, value: int) -> int:
    """Read a row divided by its length; a row of zeros stays."""
    if model.norm == "l2":
        sizes = builder.combine(value, Operation.MULTIPLY, value)
    else:
        sizes = builder.map(value, Unary.ABS)
    if model.norm == "max":
        raise Refused("a row divided by its largest element cannot be written", hint='use norm="l2" or "l1"')
    total = builder.linear(sizes, np.ones((1, builder.widths[value])), 0.0)
    length = builder.map(total, Unary.SQRT) if model.norm == "l2" else total
    zero = builder.add(Equal(sources=(length,), places=np.zeros(1, dtype=np.int64), values=np.zeros(1)))
    return builder.combine(value, Operation.DIVIDE, builder.combine(length, Operation.ADD, zero))


def _places(model: Any, columns: Any) -> list[int]:
    """Return the places of the columns that a transformer takes."""
    if isinstance(columns, slice):
        if isinstance(columns.start, str) or isinstance(columns.stop, str):
            raise Refused("columns chosen by a range of names cannot be written", hint="list their names")
        return list(range(model.n_features_in_))[columns]
    chosen = [columns] if isinstance(columns, str | int) else list(columns)
    if chosen and all(isinstance(column, bool | np.bool_) for column in chosen):
        return [int(place) for place in np.flatnonzero(chosen)]
    names = list(getattr(model, "feature_names_in_", []))
    return [
        names.index(column) if isinstance(column, str) else int(column) % model.n_features_in_
        for column in chosen
    ]


def _looked_up(builder: Builder, value: int, place: int, known: Any, answers: Any, unknown: Any) -> int:
    """Look up what stands for each known category, of shape (outputs, categories)."""
    return builder.looked_up(value, place, _codes(known), answers, unknown)


def _codes(known: Any) -> list[float]:
    """Return categories as numbers: the model sees a category's place, never its text."""
    try:
        codes = [float(code) for code in known]
    except (TypeError, ValueError) as error:
        raise Refused(
            "categories that are texts cannot be written", hint="fit it on the encoded matrix"
        ) from error
    if np.isnan(codes).any():
        raise Refused("an encoder with a category for NaN cannot be written", hint="impute before encoding")
    return codes


def _box_cox(builder: Builder, value: int, exponent: float) -> int:
    if exponent == 0:
        return builder.map(value, Unary.LOG)
    raised = builder.add(Power(sources=(value,), exponent=float(exponent)))
    return builder.scale(raised, offset=1.0, divisor=exponent)


def _yeo_johnson(builder: Builder, value: int, exponent: float) -> int:
    """Add the power of what is positive and that of what is negative: each is 0 where the other counts."""
    positive = builder.arithmetic(value, Operation.MAXIMUM, 0.0)
    negative = builder.map(builder.arithmetic(value, Operation.MINIMUM, 0.0), Unary.ABS)
    up = _power_of_more(builder, positive, exponent)
    down = builder.arithmetic(_power_of_more(builder, negative, 2.0 - exponent), Operation.MULTIPLY, -1.0)
    return builder.combine(up, Operation.ADD, down)


def _power_of_more(builder: Builder, value: int, exponent: float) -> int:
    """((1 + x)^exponent - 1) / exponent, or log(1 + x) where the exponent is 0."""
    grown = builder.map(value, Unary.LOG1P)
    if abs(exponent) < np.spacing(1.0):
        return grown
    return builder.arithmetic(
        builder.map(builder.arithmetic(grown, Operation.MULTIPLY, exponent), Unary.EXPM1),
        Operation.DIVIDE,
        exponent,
    )
