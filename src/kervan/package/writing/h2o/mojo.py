"""A form as a MOJO: the archive that H2O's scorer loads, with a linear model or an ensemble of trees inside.

H2O's linear models take categories first and then numbers, so that this is the order in every MOJO of ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kervan.package.writing.h2o.ensembles import ensemble
from kervan.package.writing.h2o.linear import linear_model
from kervan.package.writing.h2o.model import category_of, domain_of, refused, uuid_of
from kervan.package.writing.neutral.build import gives_both
from kervan.package.writing.neutral.form import Linear, Map, Softmax, Trees, Unary
from kervan.package.writing.neutral.merge import merge, scale_trees
from kervan.package.writing.zipped import write_zip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.core.schema import Column, Signature
    from kervan.package.writing.h2o.model import Model, Value
    from kervan.package.writing.neutral.form import Form, Layer

_HALF = float(np.nextafter(0.5, 1.0))  # of two classes with the same probability Kervan names the first
_BLANKS = "".join(map(chr, range(33)))  # what Java trims


def write_mojo(form: Form) -> bytes:
    """Return the archive, or raise `Refused` for what is neither a linear model nor an ensemble of trees."""
    signature = form.signature
    order = _order(signature)
    names = _names(signature, order)
    model = _model(merge(form), order)
    columns = [*(signature.inputs.columns[place] for place in order), signature.output]
    domains = {at: domain for at, column in enumerate(columns) if (domain := domain_of(column)) is not None}
    texts = {
        f"domains/d{at:03d}.txt": _lines(columns[at], allowed).encode() for at, allowed in domains.items()
    }
    ini = "\n".join(
        [
            *(f"{key} = {_text(value)}" for key, value in _settings(signature, model, len(domains)).items()),
            "",
            "[columns]",
            *names,
            "",
            "[domains]",
            *(f"{at}: {len(allowed)} d{at:03d}.txt" for at, allowed in domains.items()),
            "",
        ]
    )
    uuid = uuid_of(b"\0".join([ini.encode(), *texts.values(), *model.files.values()]))
    return write_zip({"model.ini": f"[info]\nuuid = {uuid}\n{ini}".encode(), **texts, **model.files})


def _order(signature: Signature) -> list[int]:
    """Return the places of the columns in the order of the file: categories first."""
    is_number = [domain_of(column) is None for column in signature.inputs]
    return sorted(range(len(is_number)), key=is_number.__getitem__)


def _settings(signature: Signature, model: Model, domains: int) -> dict[str, Value]:
    inputs, classes = len(signature.inputs), len(signature.output.allowed)
    return {
        "algo": model.algo,
        "algorithm": model.algorithm,
        "mojo_version": model.version,
        "category": category_of(signature),
        "supervised": True,
        "n_features": inputs,
        "n_columns": inputs + 1,
        "n_classes": classes if signature.is_classification else 1,
        "n_domains": domains,
        "escape_domain_values": True,
        "balance_classes": False,
        "default_threshold": _HALF if signature.threshold is None else signature.threshold,
        "prior_class_distrib": None,  # by which H2O would draw lots among equals, and others
        "model_class_distrib": None,
        "offset_column": None,
        "endianness": "LITTLE_ENDIAN",
        **model.settings,
    }


def _text(value: Value) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case float():
            return "NaN" if np.isnan(value) else repr(value)  # Java has its own word for it
        case list():
            return f"[{', '.join(map(_text, value))}]"
    return str(value)


def _names(signature: Signature, order: Sequence[int]) -> list[str]:
    """Return the names of the columns; that of the output last, and none of theirs."""
    names = [signature.inputs.columns[place].name for place in order]
    output = signature.output.name
    while output in names:
        output = f"_{output}"
    for name in (*names, output):
        if name != name.strip(_BLANKS) or {"\n", "\r"} & {*name} or name.startswith(("#", "[")):
            raise refused(f"the column {name!r}: its names are lines of a text file with comments")
    return [*names, output]


def _lines(column: Column, allowed: Sequence[str]) -> str:
    """Write categories, each on a line of its own."""
    if any("\r" in text for text in allowed):
        raise refused(f"a carriage return, as in a category of column {column.name!r}")
    return "".join(text.replace("\\", "\\\\").replace("\n", "\\n") + "\n" for text in allowed)


def _model(form: Form, order: Sequence[int]) -> Model:
    """Find the trees or the weighted sum of a form, and what becomes of them."""
    layers = list(form.layers)
    link = _taken_link(layers, form.signature)
    trees, *rest = layers
    if isinstance(trees, Trees):
        while rest and (scaled := scale_trees(trees, rest[0])) is not None:
            trees, rest = scaled, rest[1:]
        if not rest:
            return ensemble(trees, link, form.signature, np.argsort(order).tolist())
    last = layers[-1]
    if isinstance(last, Linear) and link != "shares":
        return linear_model(form, last, link, order)
    raise refused(f"what this model computes in the end ({type(last).__name__})")


def _taken_link(layers: list[Layer], signature: Signature) -> str:
    """Take away the layers at the end that turn a sum into the answer, and return what they do."""
    match layers:
        case [*_, _, Softmax()]:
            del layers[-1:]
            return "softmax"
        case [*_, _, Map(function=Unary.EXP)] if not signature.is_classification:
            del layers[-1:]
            return "exp"
        case [*_, _, Map(function=Unary.LOGISTIC), Linear() as last] if gives_both(last):
            del layers[-2:]
            return "logistic"
    return "shares" if signature.is_classification else "identity"
