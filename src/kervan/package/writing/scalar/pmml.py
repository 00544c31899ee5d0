"""Formulas and trees as PMML 4.4 (Data Mining Group): derived fields, trees, and a regression on top.

Every output of an ensemble of trees is a mining model that adds up its trees; the answer is a chain of
these and of a regression model whose derived fields hold the formulas over them.
"""

from __future__ import annotations

import re
from math import isnan
from typing import TYPE_CHECKING
from xml.etree import ElementTree as Xml

from kervan.core.errors import Refused
from kervan.core.schema import Type
from kervan.package.writing.scalar.expressions import (
    Among,
    Call,
    Compare,
    Either,
    Expression,
    If,
    Input,
    Missing,
    Name,
    Number,
    call,
    expected_costs,
    rounded,
)
from kervan.package.writing.scalar.lower import names_in
from kervan.package.writing.scalar.questions import ask

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kervan.core.schema import Column, Signature
    from kervan.package.writing.scalar.expressions import Test
    from kervan.package.writing.scalar.lower import Ensemble, Formulas

NAMESPACE = "http://www.dmg.org/PMML-4_4"
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FUNCTIONS = {
    "add": "+",  # `sum` would leave out what is missing
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "minimum": "min",
    "maximum": "max",
    "exp": "exp",
    "log": "ln",
    "sqrt": "sqrt",
    "abs": "abs",
    "floor": "floor",
    "power": "pow",
}
# Of something missing JPMML computes no such function, where PMML4S and the standard answer with nothing.
_WANTING = {"exp", "log", "sqrt", "abs", "floor", "power"}
_TESTS = {"<=": "lessOrEqual", "<": "lessThan", ">=": "greaterOrEqual", ">": "greaterThan", "=": "equal"}
_ONE, _TWO = Number(1.0), Number(2.0)


def write_document(formulas: Formulas, producer: str) -> bytes:
    """Write a PMML document. Raises `Refused` for a name or text that XML cannot hold."""
    signature = formulas.signature
    _check_texts(signature)
    root = Xml.Element("PMML", version="4.4", xmlns=NAMESPACE)
    header = Xml.SubElement(root, "Header")
    Xml.SubElement(header, "Application", name=producer)
    dictionary = Xml.SubElement(root, "DataDictionary")
    for column in (*signature.inputs, signature.output):
        _data_field(dictionary, column)
    after = _after(formulas)
    before = [(name, formula) for name, formula in _named(formulas) if name not in after]
    writer = _Writer(signature)
    if formulas.ensembles:
        if before:
            writer.derive(Xml.SubElement(root, "TransformationDictionary"), before)
        _chain(root, formulas, writer, [entry for entry in _named(formulas) if entry[0] in after])
    else:
        _regression(root, formulas, writer, before, ())
    Xml.indent(root, " ")
    document: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _chain(
    root: Xml.Element, formulas: Formulas, writer: _Writer, named: list[tuple[str, Expression]]
) -> None:
    signature = formulas.signature
    model = Xml.SubElement(root, "MiningModel", functionName=_function(signature))
    _schema(model, signature, ())
    chain = Xml.SubElement(model, "Segmentation", multipleModelMethod="modelChain")
    given = []
    for ensemble in formulas.ensembles:
        for place, name in enumerate(ensemble.names):
            segment = _segment(chain)
            _sum_of_trees(segment, ensemble, place, f"sum_{name}", writer)
            given.append((name, float(ensemble.layer.base[place])))
    sums = [(name, call("add", Name(f"sum_{name}"), Number(base))) for name, base in given]
    _regression(_segment(chain), formulas, writer, [*sums, *named], [f"sum_{name}" for name, _ in given])


def _sum_of_trees(parent: Xml.Element, ensemble: Ensemble, output: int, name: str, writer: _Writer) -> None:
    layer = ensemble.layer
    model = Xml.SubElement(parent, "MiningModel", functionName="regression")
    _schema(model, writer.signature, (), with_target=False)
    told = Xml.SubElement(model, "Output")
    Xml.SubElement(
        told, "OutputField", name=name, optype="continuous", dataType="double", feature="predictedValue"
    )
    trees = Xml.SubElement(model, "Segmentation", multipleModelMethod="sum")
    for tree, root in enumerate(layer.roots):
        if layer.target is None or layer.target[tree] == output:
            writer.tree(_segment(trees), ensemble, int(root), 0 if layer.target is not None else output)


def _regression(
    parent: Xml.Element,
    formulas: Formulas,
    writer: _Writer,
    named: list[tuple[str, Expression]],
    given: Sequence[str],
) -> None:
    signature = formulas.signature
    model = Xml.SubElement(
        parent, "RegressionModel", functionName=_function(signature), normalizationMethod="none"
    )
    _schema(model, signature, given)
    if signature.is_classification:
        _output(model, writer)
    answers = [(f"answer_{place}", formula) for place, formula in enumerate(formulas.answers)]
    writer.derive(Xml.SubElement(model, "LocalTransformations"), [*named, *answers])
    labels = signature.output.allowed if signature.is_classification else ("",)
    for (name, _), label in zip(answers, labels, strict=True):
        table = Xml.SubElement(model, "RegressionTable", intercept="0")
        if signature.is_classification:
            table.set("targetCategory", label)
        Xml.SubElement(table, "NumericPredictor", name=name, coefficient="1")


class _Writer:
    def __init__(self, signature: Signature) -> None:
        self.signature = signature

    def derive(self, parent: Xml.Element, named: Iterable[tuple[str, Expression]]) -> None:
        """Write named formulas as derived fields."""
        for name, formula in named:
            field = Xml.SubElement(parent, "DerivedField", name=name, optype="continuous", dataType="double")
            self.formula(field, formula)

    def formula(self, parent: Xml.Element, formula: Expression) -> None:
        """Write a formula."""
        if isinstance(formula, Number):
            Xml.SubElement(parent, "Constant", dataType="double").text = repr(formula.value)
        elif isinstance(formula, Name):
            Xml.SubElement(parent, "FieldRef", field=formula.name)
        elif isinstance(formula, Input):
            self._input(parent, formula)
        elif isinstance(formula, If) and isinstance(formula.test, Among) and _is_indicator(formula):
            self._indicator(parent, formula.test)
        elif isinstance(formula, If):
            choice = Xml.SubElement(parent, "Apply", function="if")
            self._test(choice, formula.test)
            self.formula(choice, formula.then)
            if not _is_nothing(formula.other):  # a choice without another branch gives nothing
                self.formula(choice, formula.other)
        else:
            self._call(parent, formula)

    def tree(self, parent: Xml.Element, ensemble: Ensemble, root: int, output: int) -> None:
        """Write one tree: the left child says what it asks for, the right one takes the rest."""
        model = Xml.SubElement(
            parent,
            "TreeModel",
            functionName="regression",
            missingValueStrategy="none",
            splitCharacteristic="multiSplit",
        )
        _schema(model, self.signature, (), with_target=False)
        top = Xml.SubElement(model, "Node")
        Xml.SubElement(top, "True")
        self._children(top, ensemble, root, output)

    def _children(self, parent: Xml.Element, ensemble: Ensemble, node: int, output: int) -> None:
        layer = ensemble.layer
        if layer.place[node] < 0:
            parent.set("score", repr(float(layer.leaves[layer.left[node], output])))
            return
        question = ask(layer, node, ensemble.source[layer.place[node]], self.signature)
        children = (int(layer.left[node]), int(layer.right[node]))
        first, second = children if question.goes_left else children[::-1]
        if question.test is None:
            self._children(parent, ensemble, first, output)
            return
        chosen = Xml.SubElement(parent, "Node")
        self._predicate(chosen, question.test)
        self._children(chosen, ensemble, first, output)
        rest = Xml.SubElement(parent, "Node")
        Xml.SubElement(rest, "True")
        self._children(rest, ensemble, second, output)

    def _predicate(self, parent: Xml.Element, test: Test) -> None:
        if isinstance(test, Compare):
            if not isinstance(test.right, Number):
                raise TypeError("a node compares with a constant")
            Xml.SubElement(
                parent,
                "SimplePredicate",
                field=self._field(test.left),
                operator=_TESTS[test.operator],
                value=repr(test.right.value),
            )
        elif isinstance(test, Missing):
            Xml.SubElement(parent, "SimplePredicate", field=self._field(test.value), operator="isMissing")
        elif isinstance(test, Among):
            self._among(parent, test)
        else:
            either = Xml.SubElement(parent, "CompoundPredicate", booleanOperator="or")
            self._predicate(either, test.left)
            self._predicate(either, test.right)

    def _among(self, parent: Xml.Element, test: Among) -> None:
        column = self.signature.inputs.columns[test.place]
        texts = [column.allowed[code] for code in test.codes]
        if len(texts) > 1 and not any(letter in text for text in texts for letter in '"\\'):
            chosen = Xml.SubElement(parent, "SimpleSetPredicate", field=column.name, booleanOperator="isIn")
            Xml.SubElement(chosen, "Array", type="string", n=str(len(texts))).text = " ".join(
                f'"{text}"' for text in texts
            )
            return
        if len(texts) > 1:
            parent = Xml.SubElement(parent, "CompoundPredicate", booleanOperator="or")
        for text in texts:
            Xml.SubElement(parent, "SimplePredicate", field=column.name, operator="equal", value=text)

    def _field(self, formula: Expression) -> str:
        if isinstance(formula, Input):
            return self.signature.inputs.columns[formula.place].name
        if isinstance(formula, Name):
            return formula.name
        raise TypeError("a node asks about a field")

    def _input(self, parent: Xml.Element, formula: Input) -> None:
        column = self.signature.inputs.columns[formula.place]
        if column.type is not Type.CATEGORY:
            Xml.SubElement(parent, "FieldRef", field=column.name)
            return
        code: Expression = Number(-1.0)
        for place in reversed(range(len(column.allowed))):
            code = If(Among(formula.place, (place,)), Number(float(place)), code)
        self.formula(parent, code)

    def _test(self, parent: Xml.Element, test: Test) -> None:
        """Write a test."""
        if isinstance(test, Missing):
            self.formula(Xml.SubElement(parent, "Apply", function="isMissing"), test.value)
        elif isinstance(test, Either):
            either = Xml.SubElement(parent, "Apply", function="or")
            self._test(either, test.left)
            self._test(either, test.right)
        elif isinstance(test, Among):
            if len(test.codes) > 1:
                parent = Xml.SubElement(parent, "Apply", function="or")
            for code in test.codes:
                equal = Xml.SubElement(parent, "Apply", function="equal")
                self._indicator(equal, Among(test.place, (code,)))
                self.formula(equal, _ONE)
        else:
            compared = self._known(parent, _TESTS[test.operator])
            self.formula(compared, test.left)
            self.formula(compared, test.right)

    def _indicator(self, parent: Xml.Element, test: Among) -> None:
        """Write 1 for a category and 0 for others: as an attribute, where spaces and empty texts last."""
        column = self.signature.inputs.columns[test.place]
        text = column.allowed[test.codes[0]]
        Xml.SubElement(parent, "NormDiscrete", field=column.name, value=text, mapMissingTo="0")

    def _known(self, parent: Xml.Element, function: str) -> Xml.Element:
        """Add a test that does not hold where something is missing, instead of being missing itself."""
        return Xml.SubElement(parent, "Apply", function=function, mapMissingTo="false")

    def _where_known(self, parent: Xml.Element, arguments: Sequence[Expression]) -> Xml.Element:
        """Add a choice that gives nothing where an argument is missing: one without another branch."""
        choice = Xml.SubElement(parent, "Apply", function="if")
        for argument in arguments:
            if not _is_known(argument):
                self.formula(Xml.SubElement(choice, "Apply", function="isNotMissing"), argument)
        return choice

    def _call(self, parent: Xml.Element, formula: Call) -> None:
        function, arguments = formula.function, formula.arguments
        if function == "round32":  # not by the type of a field, which some readers pass over
            self.formula(parent, rounded(arguments[0]))
        elif function in _FUNCTIONS:
            if function in _WANTING and not all(_is_known(argument) for argument in arguments):
                parent = self._where_known(parent, arguments)
            apply = Xml.SubElement(parent, "Apply", function=_FUNCTIONS[function])
            for argument in arguments:
                self.formula(apply, argument)
        else:
            self.formula(parent, _spelled(function, arguments[0]))


def _is_nothing(formula: Expression) -> bool:
    return isinstance(formula, Number) and isnan(formula.value)


def _is_known(formula: Expression) -> bool:
    """Whether it is a number, whatever the row holds."""
    return isinstance(formula, Number)


def _is_indicator(formula: If) -> bool:
    """Whether it is 1 for one category and 0 for others."""
    is_one = isinstance(formula.test, Among) and len(formula.test.codes) == 1
    return is_one and (formula.then, formula.other) == (_ONE, Number(0.0))


def _spelled(function: str, value: Expression) -> Expression:
    """Return a function in terms of those that every reader knows."""
    if function == "log1p":
        return call("log", call("add", _ONE, value))
    if function == "expm1":
        return call("subtract", call("exp", value), _ONE)
    if function == "logistic":
        return call("divide", _ONE, call("add", _ONE, call("exp", call("subtract", Number(0.0), value))))
    grown = call("add", call("exp", call("multiply", _TWO, value)), _ONE)
    return call("subtract", _ONE, call("divide", _TWO, grown))  # tanh


def _named(formulas: Formulas) -> list[tuple[str, Expression]]:
    return [entry for level in formulas.levels for entry in level]


def _after(formulas: Formulas) -> set[str]:
    """Return the names of formulas that use what trees give."""
    after = {name for ensemble in formulas.ensembles for name in ensemble.names}
    for name, formula in _named(formulas):
        if names_in(formula) & after:
            after.add(name)
    for ensemble in formulas.ensembles:
        if names_in(*ensemble.asked) & after:
            raise Refused("PMML cannot say trees over trees", hint="choose a format with loops, such as `c`")
    return after


def _data_field(parent: Xml.Element, column: Column) -> None:
    if column.type is not Type.CATEGORY:
        Xml.SubElement(parent, "DataField", name=column.name, optype="continuous", dataType="double")
        return
    field = Xml.SubElement(parent, "DataField", name=column.name, optype="categorical", dataType="string")
    for text in column.allowed:
        Xml.SubElement(field, "Value", value=text)


def _schema(
    parent: Xml.Element, signature: Signature, given: Sequence[str], *, with_target: bool = True
) -> None:
    schema = Xml.SubElement(parent, "MiningSchema")
    if with_target:
        Xml.SubElement(schema, "MiningField", name=signature.output.name, usageType="target")
    for column in signature.inputs:
        Xml.SubElement(schema, "MiningField", name=column.name, invalidValueTreatment="asIs")
    for name in given:
        Xml.SubElement(schema, "MiningField", name=name)


def _output(parent: Xml.Element, writer: _Writer) -> None:
    output, signature = Xml.SubElement(parent, "Output"), writer.signature
    for label in signature.output.allowed:
        Xml.SubElement(
            output,
            "OutputField",
            name=_chance_field(label),
            optype="continuous",
            dataType="double",
            feature="probability",
            value=label,
        )
    if signature.threshold is not None:
        _named_by_threshold(output, signature)
    if signature.costs:
        _named_by_costs(output, writer)


# The document's predicted value is always the likeliest class: another one that is named is an output.
def _named_by_threshold(output: Xml.Element, signature: Signature) -> None:
    below, above = signature.output.allowed
    choice = Xml.SubElement(_named_output(output, signature), "Apply", function="if")
    reached = Xml.SubElement(choice, "Apply", function="greaterOrEqual")
    Xml.SubElement(reached, "FieldRef", field=_chance_field(above))
    Xml.SubElement(reached, "Constant", dataType="double").text = repr(signature.threshold)
    for text in (above, below):
        Xml.SubElement(choice, "Constant", dataType="string").text = text


def _named_by_costs(output: Xml.Element, writer: _Writer) -> None:
    """Tell what naming each class is expected to cost, and the first that costs as little as any."""
    labels = writer.signature.output.allowed
    chances = [Name(_chance_field(label)) for label in labels]
    fields = [f"cost({label})" for label in labels]
    for name, cost in zip(fields, expected_costs(chances, writer.signature.costs), strict=True):
        writer.formula(_transformed(output, name, "continuous", "double"), cost)
    place = _named_output(output, writer.signature)
    for label, name in zip(labels[:-1], fields, strict=False):
        place = Xml.SubElement(place, "Apply", function="if")
        least = Xml.SubElement(place, "Apply", function="equal")
        Xml.SubElement(least, "FieldRef", field=name)
        among = Xml.SubElement(least, "Apply", function="min")
        for each in fields:
            Xml.SubElement(among, "FieldRef", field=each)
        Xml.SubElement(place, "Constant", dataType="string").text = label
    Xml.SubElement(place, "Constant", dataType="string").text = labels[-1]


def _named_output(output: Xml.Element, signature: Signature) -> Xml.Element:
    return _transformed(output, named_field(signature), "categorical", "string")


def _transformed(output: Xml.Element, name: str, optype: str, kind: str) -> Xml.Element:
    feature = "transformedValue"
    return Xml.SubElement(output, "OutputField", name=name, optype=optype, dataType=kind, feature=feature)


def _chance_field(label: str) -> str:
    return f"probability({label})"


def named_field(signature: Signature) -> str:
    """Return the name of the output that holds the class that a threshold or costs name."""
    return f"named({signature.output.name})"


def _segment(parent: Xml.Element) -> Xml.Element:
    segment = Xml.SubElement(parent, "Segment")
    Xml.SubElement(segment, "True")
    return segment


def _function(signature: Signature) -> str:
    return "classification" if signature.is_classification else "regression"


def _check_texts(signature: Signature) -> None:
    for column in (*signature.inputs, signature.output):
        for text in (column.name, *column.allowed):
            if _UNWRITABLE.search(text):
                raise Refused(f"XML cannot hold the text {text!r}", hint="rename the column or category")
