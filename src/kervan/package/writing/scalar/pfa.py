"""Formulas and trees as a document of the Portable Format for Analytics 0.8.1 (Data Mining Group).

The inputs become numbers first, NaN where missing and a category's place or -1. Every level is one `let`.
Trees lie in cells and are walked by `model.tree.simpleWalk` with a test of the document's own, because none
of the library's says where a missing value goes.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Refused
from kervan.core.schema import Type
from kervan.package.writing.scalar.expressions import (
    Among,
    Call,
    Compare,
    Expression,
    If,
    Input,
    Missing,
    Name,
    Number,
    expected_costs,
)
from kervan.package.writing.scalar.lower import names_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kervan.core.schema import Column, Signature
    from kervan.package.writing.neutral.form import Trees
    from kervan.package.writing.scalar.expressions import Test
    from kervan.package.writing.scalar.lower import Ensemble, Formulas

DEEPEST = 100  # levels of a tree: each is two levels of JSON, and readers of JSON count them
_LARGEST = float(np.finfo(np.float64).max)
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBERS = {"type": "array", "items": "double"}
_TEXTS = {"type": "array", "items": "string"}
_FUNCTIONS = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "minimum": "min",
    "maximum": "max",
    "power": "**",
    "exp": "m.exp",
    "log": "m.ln",
    "log1p": "m.ln1p",
    "expm1": "m.expm1",
    "sqrt": "m.sqrt",
    "abs": "m.abs",
    "tanh": "m.tanh",
    "floor": "m.floor",
}


def write_document(formulas: Formulas) -> bytes:
    """Write a document. Raises `Refused` for trees that are too deep for readers of JSON."""
    writer = _Writer(formulas)
    signature = formulas.signature
    action = [*writer.inputs(), *writer.levels(), *writer.answer()]
    document = {
        "name": "Kervan",
        "method": "map",
        "doc": f"Predicts {signature.output.name!r}. The `doc` of a field is the name of its column.",
        "input": {"type": "record", "name": "Row", "fields": writer.fields()},
        "output": _answer_type() if signature.is_classification else "double",
        "cells": writer.cells,
        "fcns": writer.functions,
        "action": action,
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode() + b"\n"


def field_names(signature: Signature) -> list[str]:
    """Return a name of a field for each input: its own where Avro allows it."""
    taken = set(signature.inputs.names)
    names = []
    for place, column in enumerate(signature.inputs):
        name = column.name if _IDENTIFIER.fullmatch(column.name) else f"column_{place}"
        while name != column.name and name in taken:
            name = f"_{name}"
        names.append(name)
    return names


def _answer_type() -> dict[str, Any]:
    chances = {"name": "probabilities", "type": {"type": "map", "values": "double"}}
    return {"type": "record", "name": "Answer", "fields": [{"name": "label", "type": "string"}, chances]}


class _Writer:
    def __init__(self, formulas: Formulas) -> None:
        self._formulas = formulas
        self._signature = formulas.signature
        self._ensembles = {name: each for each in formulas.ensembles for name in each.names}
        self._told: set[str] = set()  # outputs of ensembles that have been given a value
        self._has_values = False
        self.cells: dict[str, Any] = {}
        self.functions: dict[str, Any] = {}

    def fields(self) -> list[dict[str, Any]]:
        """Return the fields of the input."""
        kinds = {Type.CATEGORY: "string", Type.BOOLEAN: "boolean"}
        names = field_names(self._signature)
        return [
            {"name": name, "type": ["null", kinds.get(column.type, "double")], "doc": column.name}
            for name, column in zip(names, self._signature.inputs, strict=True)
        ]

    def inputs(self) -> list[dict[str, Any]]:
        """Turn every input into a number."""
        names = field_names(self._signature)
        numbers = {
            f"x{place}": {
                "ifnotnull": {"known": _attribute("input", {"string": names[place]})},
                "then": self._known(place, column),
                "else": -1.0 if column.type is Type.CATEGORY else _number(math.nan),
            }
            for place, column in enumerate(self._signature.inputs)
        }
        return [{"let": numbers}]

    def _known(self, place: int, column: Column) -> Any:
        if column.type is Type.BOOLEAN:
            return {"if": "known", "then": 1.0, "else": 0.0}
        if column.type is not Type.CATEGORY:
            return {"cast.double": "known"}
        self.cells[f"categories{place}"] = {"type": _TEXTS, "init": list(column.allowed)}
        return {"cast.double": {"a.index": [{"cell": f"categories{place}"}, "known"]}}

    def levels(self) -> Iterable[dict[str, Any]]:
        """Give names to formulas, level by level, and to what trees give before it is needed."""
        for level in self._formulas.levels:
            yield from self._trees_in(formula for _, formula in level)
            yield {"let": {name: self.formula(formula) for name, formula in level}}
        yield from self._trees_in(self._formulas.answers)

    def answer(self) -> Iterable[Any]:
        """Give the answer: a number, or label and probabilities; by costs each of these has a name first."""
        answers = [self.formula(formula) for formula in self._formulas.answers]
        if not self._signature.is_classification:
            yield answers[0]
            return
        labels = self._signature.output.allowed
        self.cells["classes"] = {"type": _TEXTS, "init": list(labels)}
        place: Any = {"a.argmax": {"type": _NUMBERS, "new": answers}}
        if self._signature.threshold is not None:
            place = {"if": {">=": [answers[1], self._signature.threshold]}, "then": 1, "else": 0}
        if self._signature.costs:
            names = [f"chance{place}" for place in range(len(answers))]
            yield {"let": dict(zip(names, answers, strict=True))}
            answers = list(names)
            costs = expected_costs([Name(name) for name in names], self._signature.costs)
            place = {"a.argmin": {"type": _NUMBERS, "new": [self.formula(each) for each in costs]}}
        chances = {
            "type": {"type": "map", "values": "double"},
            "new": dict(zip(labels, answers, strict=True)),
        }
        label = {"cell": "classes", "path": [place]}
        yield {"type": "Answer", "new": {"label": label, "probabilities": chances}}

    def formula(self, formula: Expression) -> Any:
        """Write a formula."""
        if isinstance(formula, Number):
            return _number(formula.value)
        if isinstance(formula, Name):
            return formula.name
        if isinstance(formula, Input):
            return f"x{formula.place}"
        if isinstance(formula, If):
            then, other = self.formula(formula.then), self.formula(formula.other)
            return {"if": self._test(formula.test), "then": then, "else": other}
        return self._call(formula)

    def _call(self, formula: Call) -> Any:
        function, values = str(formula.function), [self.formula(each) for each in formula.arguments]
        if function in _FUNCTIONS:
            return {_FUNCTIONS[function]: values}
        if function == "round32":
            return _rounded(values[0])
        grown = {"m.exp": {"-": [0.0, {"m.abs": values}]}}  # logistic; exp of what is positive may overflow
        return {"/": [{"if": {">=": [values[0], 0.0]}, "then": 1.0, "else": grown}, {"+": [1.0, grown]}]}

    def _test(self, test: Test) -> Any:
        if isinstance(test, Compare):
            known = [{"!": {"impute.isnan": self.formula(each)}} for each in _numeric(test)]
            operator = "==" if test.operator == "=" else test.operator
            found: Any = {operator: [self.formula(test.left), self.formula(test.right)]}
            for guard in known:  # the standard does not say how NaN compares
                found = {"&&": [guard, found]}
            return found
        if isinstance(test, Missing):
            return {"impute.isnan": self.formula(test.value)}
        if isinstance(test, Among):
            codes = {"type": _NUMBERS, "value": [float(code) for code in test.codes]}
            return {"a.contains": [codes, f"x{test.place}"]}
        return {"||": [self._test(test.left), self._test(test.right)]}

    def _trees_in(self, formulas: Iterable[Expression]) -> Iterable[dict[str, Any]]:
        """Give names to what ensembles give, as far as these formulas need it."""
        for name in sorted(names_in(*formulas) & self._ensembles.keys()):
            if name in self._told:
                continue
            ensemble = self._ensembles[name]
            yield from self._trees_in(ensemble.asked)
            yield from self._walked(ensemble, self._formulas.ensembles.index(ensemble) + 1)
            self._told.update(ensemble.names)

    def _walked(self, ensemble: Ensemble, number: int) -> Iterable[dict[str, Any]]:
        layer = ensemble.layer
        grown = [tree for tree, root in enumerate(layer.roots) if layer.place[root] >= 0]
        if grown:
            self.functions[f"goes_left{number}"] = _goes_left(number, bool((layer.members >= 0).any()))
            asked = {"type": _NUMBERS, "new": [self.formula(each) for each in ensemble.asked]}
            yield {"let": {f"asked{number}": {"type": self._values_type(), "new": {"at": asked}}}}
        if layer.target is None:
            yield from self._sums_of_rows(ensemble, number, grown)
            return
        lets = {}
        for output, name in enumerate(ensemble.names):
            mine = [tree for tree in grown if layer.target[tree] == output]
            lets[name] = _plus(self._reached(ensemble, number, mine, output), _constant(layer, output))
        yield {"let": lets}

    def _sums_of_rows(self, ensemble: Ensemble, number: int, grown: list[int]) -> Iterable[dict[str, Any]]:
        """Let every tree give a leaf with all outputs, and add these up."""
        given = self._reached(ensemble, number, grown, 0)
        if given is not None:
            yield {"let": {f"leaves{number}": given}}
        lets = {}
        for output, name in enumerate(ensemble.names):
            element = {"params": [{"leaf": _NUMBERS}], "ret": "double", "do": _attribute("leaf", output)}
            sums = {"a.sum": {"a.map": [f"leaves{number}", element]}} if given is not None else None
            lets[name] = _plus(sums, _constant(ensemble.layer, output))
        yield {"let": lets}

    def _reached(self, ensemble: Ensemble, number: int, trees: list[int], output: int) -> Any:
        """Return what the leaves that are reached hold: their sum for leaves of one number."""
        if not trees:
            return None
        layer, cell = ensemble.layer, f"trees{number}_{output}"
        leaf: Any = "double" if layer.target is not None else _NUMBERS
        node = f"Node{number}" if self._is_declared(number) else _node_type(number, layer, leaf)
        self.cells[cell] = {"type": {"type": "array", "items": node}, "init": _grown(layer, number, trees)}
        walk = {"model.tree.simpleWalk": [f"asked{number}", "tree", {"fcn": f"u.goes_left{number}"}]}
        reach = {"params": [{"tree": f"Node{number}"}], "ret": leaf, "do": walk}
        leaves = {"a.map": [{"cell": cell}, reach]}
        return {"a.sum": leaves} if layer.target is not None else leaves

    def _is_declared(self, number: int) -> bool:
        """Whether a cell before has declared the type of the nodes: once in a document."""
        return any(name.startswith(f"trees{number}_") for name in self.cells)

    def _values_type(self) -> Any:
        if self._has_values:
            return "Values"
        self._has_values = True
        return {"type": "record", "name": "Values", "fields": [{"name": "at", "type": _NUMBERS}]}


def _attribute(value: str, *path: Any) -> dict[str, Any]:
    return {"attr": value, "path": list(path)}


def _number(value: float) -> Any:
    if math.isnan(value):
        return {"/": [0.0, 0.0]}
    if math.isinf(value):
        return {"/": [math.copysign(1.0, value), 0.0]}
    return float(value)


def _rounded(value: Any) -> Any:
    return {"cast.double": {"cast.float": value}}


def _numeric(test: Compare) -> list[Expression]:
    return [each for each in (test.left, test.right) if not isinstance(each, Number)]


def _plus(value: Any, constant: float) -> Any:
    return constant if value is None else {"+": [value, constant]} if constant else value


def _constant(layer: Trees, output: int) -> float:
    """Return the base of an output with the trees that are a leaf alone."""
    found = float(layer.base[output])
    for tree, root in enumerate(layer.roots):
        if layer.place[root] < 0 and (layer.target is None or layer.target[tree] == output):
            found += float(layer.leaves[layer.left[root], 0 if layer.target is not None else output])
    return found


def _node_type(number: int, layer: Trees, leaf: Any) -> dict[str, Any]:
    kinds: dict[str, Any] = {"place": "int", "threshold": "double", "missing_left": "boolean"}
    if (layer.members >= 0).any():
        kinds["codes"] = ["null", _NUMBERS]
    child = [f"Node{number}", leaf]
    fields = [{"name": name, "type": kind} for name, kind in {**kinds, "pass": child, "fail": child}.items()]
    return {"type": "record", "name": f"Node{number}", "fields": fields}


def _goes_left(number: int, chooses: bool) -> dict[str, Any]:
    """Return the test of a node: where codes are listed, they part from where a missing one goes."""
    of_node = {
        name: _attribute("node", {"string": name}) for name in ("place", "threshold", "missing_left", "codes")
    }
    value = {"let": {"value": _attribute("values", {"string": "at"}, of_node["place"])}}
    below = {"<=": ["value", of_node["threshold"]]}
    test: Any = {"if": {"impute.isnan": "value"}, "then": of_node["missing_left"], "else": below}
    if chooses:
        parts = {"!=": [{"a.contains": ["codes", "value"]}, of_node["missing_left"]]}
        test = {"ifnotnull": {"codes": of_node["codes"]}, "then": parts, "else": test}
    params = [{"values": "Values"}, {"node": f"Node{number}"}]
    return {"params": params, "ret": "boolean", "do": [value, test]}


def _grown(layer: Trees, number: int, trees: Sequence[int]) -> list[Any]:
    """Return trees as nested nodes; children come after their parents, so they are made first."""
    order = {int(place): at for at, place in enumerate(np.unique(layer.place[layer.place >= 0]))}
    chooses = bool((layer.members >= 0).any())
    made: dict[int, Any] = {}
    depths: dict[int, int] = {}
    for node in reversed(range(len(layer.place))):
        if layer.place[node] < 0:
            leaf = layer.leaves[layer.left[node]].tolist()
            made[node] = {"double": leaf[0]} if layer.target is not None else {"array": leaf}
            depths[node] = 0
            continue
        left, right = int(layer.left[node]), int(layer.right[node])
        depths[node] = 1 + max(depths.pop(left), depths.pop(right))
        if depths[node] > DEEPEST:
            raise Refused(
                f"a tree is more than {DEEPEST} levels deep, which readers of JSON may not follow",
                hint="limit the depth of the trees, or choose the format `onnx`",
            )
        inner: dict[str, Any] = {
            "place": order[int(layer.place[node])],
            "threshold": float(np.clip(layer.threshold[node], -_LARGEST, _LARGEST)),
            "missing_left": bool(layer.missing_left[node]),
        }
        if chooses:
            inner["codes"] = _codes(layer, node)
        made[node] = {f"Node{number}": {**inner, "pass": made.pop(left), "fail": made.pop(right)}}
    return [made[int(layer.roots[tree])][f"Node{number}"] for tree in trees]


def _codes(layer: Trees, node: int) -> Any:
    if layer.members[node] < 0:
        return None
    parts = np.flatnonzero(layer.sets[layer.members[node]] != layer.missing_left[node])
    return {"array": [float(code) for code in parts]}
