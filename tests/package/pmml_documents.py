# ruff: noqa: E501  a document is easier to read on its own line
"""PMML documents made by hand, over two numbers and two texts: one for each thing that is read."""

from __future__ import annotations

from typing import Any

import numpy as np

from kervan.core.schema import Column, Schema, Signature, Type

TEXTS = {"outlook": ("sunny", "overcast", "rain"), "windy": ("no", "yes, a lot")}
NUMBERS = ("temperature", "humidity")
LABELS = ("play", "wait", "stay")
INPUTS = Schema(
    (
        *(Column(name=name, type=Type.NUMBER, nullable=True) for name in NUMBERS),
        *(Column(name=name, type=Type.CATEGORY, allowed=known) for name, known in TEXTS.items()),
    )
)
CLASSES = Signature(inputs=INPUTS, output=Column(name="y", type=Type.CATEGORY, allowed=LABELS))
VALUE = Signature(inputs=INPUTS, output=Column(name="y", type=Type.NUMBER))


def rows(count: int = 200) -> Any:
    random = np.random.default_rng(0)
    numbers = random.uniform([30, 40], [100, 100], size=(count, 2)).round(1)
    codes = [random.integers(-1, len(known), count) for known in TEXTS.values()]
    return np.column_stack([numbers, *codes]).astype(np.float32)


def document(model: str, signature: Signature, *, derived: str = "", version: str = "4.4") -> bytes:
    """A document over two numbers and two texts."""
    fields = "".join(f'<DataField name="{name}" optype="continuous" dataType="double"/>' for name in NUMBERS)
    for name, known in TEXTS.items():
        values = "".join(f'<Value value="{text}"/>' for text in known)
        fields += f'<DataField name="{name}" optype="categorical" dataType="string">{values}</DataField>'
    values = "".join(f'<Value value="{label}"/>' for label in signature.output.allowed)
    kind = 'optype="categorical" dataType="string"' if values else 'optype="continuous" dataType="double"'
    dictionary = f'<DataDictionary>{fields}<DataField name="y" {kind}>{values}</DataField></DataDictionary>'
    if derived:
        derived = f"<TransformationDictionary>{derived}</TransformationDictionary>"
    space = f"http://www.dmg.org/PMML-{version.replace('.', '_')}"
    return f'<?xml version="1.0"?><PMML version="{version}" xmlns="{space}"><Header/>{dictionary}{derived}{model}</PMML>'.encode()


def schema(extra: str = "") -> str:
    told = {name: f'<MiningField name="{name}"/>' for name in (*NUMBERS, *TEXTS)}
    told |= {part.split('"')[1]: part for part in extra.splitlines()}
    return f'<MiningSchema>{"".join(told.values())}<MiningField name="y" usageType="target"/></MiningSchema>'


def simple(field: str, operator: str, value: Any = None) -> str:
    told = "" if value is None else f' value="{value}"'
    return f'<SimplePredicate field="{field}" operator="{operator}"{told}/>'


def tree(*children: str, kind: str = "regression", settings: str = "", top: str = 'score="0.5"') -> str:
    return (
        f'<TreeModel functionName="{kind}" {settings}>{schema()}'
        f'<Node id="top" {top}><True/>{"".join(children)}</Node></TreeModel>'
    )


def leaf(predicate: str, score: Any, inner: str = "", identity: str = "") -> str:
    return f'<Node id="{identity}" score="{score}">{predicate}{inner}</Node>'


def shares(*counts: float) -> str:
    pairs = zip(LABELS, counts, strict=True)
    return "".join(f'<ScoreDistribution value="{label}" recordCount="{count}"/>' for label, count in pairs)


def regression(*terms: str, settings: str = "", extra: str = "", local: str = "") -> str:
    return (
        f'<RegressionModel functionName="regression" {settings}>{schema(extra)}{local}'
        f'<RegressionTable intercept="1.5">{"".join(terms)}</RegressionTable></RegressionModel>'
    )


def of(name: str, coefficient: float = 0.1, exponent: int = 1) -> str:
    return f'<NumericPredictor name="{name}" coefficient="{coefficient}" exponent="{exponent}"/>'


def derived(name: str, formula: str, kind: str = "double") -> str:
    return f'<DerivedField name="{name}" optype="continuous" dataType="{kind}">{formula}</DerivedField>'


WARM = leaf(simple("temperature", "greaterThan", 70), 3)
COLD = leaf(simple("temperature", "lessOrEqual", 70), -1)
DAMP = leaf(simple("humidity", "greaterOrEqual", 60.5), 2.5)
DRY = leaf(simple("humidity", "lessThan", 60.5), 1)
SUNNY = leaf(simple("outlook", "equal", "sunny"), 4)
IN = '<SimpleSetPredicate field="windy" booleanOperator="isIn"><Array type="string">"yes, a lot" maybe</Array></SimpleSetPredicate>'
NOT_IN = '<SimpleSetPredicate field="outlook" booleanOperator="isNotIn"><Array n="1" type="string">rain</Array></SimpleSetPredicate>'
AND = f'<CompoundPredicate booleanOperator="and">{simple("temperature", "lessThan", 60)}{simple("humidity", "greaterThan", 70)}</CompoundPredicate>'
OR = f'<CompoundPredicate booleanOperator="or">{simple("temperature", "lessThan", 40)}{simple("outlook", "notEqual", "rain")}</CompoundPredicate>'
OR_MISSING = f'<CompoundPredicate booleanOperator="or">{simple("temperature", "lessThan", 60)}{simple("temperature", "isMissing")}</CompoundPredicate>'
REST = leaf("<True/>", 7)


def mining(method: str, *models: str, kind: str = "regression", predicates: tuple[str, ...] = ()) -> str:
    asked = predicates or ("<True/>",) * len(models)
    segments = "".join(
        f'<Segment id="{place}" weight="{place + 1}">{predicate}{model}</Segment>'
        for place, (predicate, model) in enumerate(zip(asked, models, strict=True))
    )
    return (
        f'<MiningModel functionName="{kind}">{schema()}'
        f'<Segmentation multipleModelMethod="{method}">{segments}</Segmentation></MiningModel>'
    )


VOTING = [
    tree(
        leaf(simple("humidity", "lessThan", edge), label, shares(*counts)),
        leaf("<True/>", "stay", shares(1, 2, 7)),
        kind="classification",
        top='score="play"',
    )
    for edge, label, counts in ((50, "play", (5, 3, 2)), (60, "wait", (1, 8, 1)), (70, "play", (6, 2, 2)))
]
NETWORK = """<NeuralInputs><NeuralInput id="a"><DerivedField name="t" optype="continuous" dataType="double">
<NormContinuous field="temperature"><LinearNorm orig="30" norm="0"/><LinearNorm orig="100" norm="1"/></NormContinuous>
</DerivedField></NeuralInput><NeuralInput id="b"><DerivedField name="s" optype="continuous" dataType="double">
<NormDiscrete field="outlook" value="sunny" mapMissingTo="0"/></DerivedField></NeuralInput></NeuralInputs>
<NeuralLayer activationFunction="{activation}"><Neuron id="c" bias="0.1"><Con from="a" weight="1.5"/><Con from="b" weight="-2"/></Neuron>
<Neuron id="d"><Con from="a" weight="-0.5"/></Neuron></NeuralLayer>"""


def network(activation: str) -> str:
    return (
        f'<NeuralNetwork functionName="regression" activationFunction="logistic">{schema()}'
        + NETWORK.format(activation=activation)
        + """<NeuralLayer activationFunction="identity"><Neuron id="e" bias="0.2"><Con from="c" weight="0.3"/>
<Con from="d" weight="0.9"/></Neuron></NeuralLayer><NeuralOutputs><NeuralOutput outputNeuron="e">
<DerivedField name="o" optype="continuous" dataType="double"><NormContinuous field="y"><LinearNorm orig="10" norm="0"/>
<LinearNorm orig="50" norm="1"/></NormContinuous></DerivedField></NeuralOutput></NeuralOutputs></NeuralNetwork>"""
    )


def classes(method: str) -> str:
    tables = "".join(
        f'<RegressionTable intercept="{intercept}" targetCategory="{label}">{terms}</RegressionTable>'
        for label, intercept, terms in (
            ("wait", 0.2, of("humidity", 0.01)),
            (
                "play",
                -0.1,
                of("temperature", 0.02)
                + '<CategoricalPredictor name="outlook" value="sunny" coefficient="0.7"/>',
            ),
            ("stay", 0, ""),
        )
    )
    return f'<RegressionModel functionName="classification" normalizationMethod="{method}">{schema()}{tables}</RegressionModel>'


def applied(function: str, *arguments: str) -> str:
    return f'<Apply function="{function}">{"".join(arguments)}</Apply>'


T, H = '<FieldRef field="temperature"/>', '<FieldRef field="humidity"/>'


def constant(value: Any) -> str:
    return f'<Constant dataType="double">{value}</Constant>'


FORMULAS = {
    "sum and product": applied("+", applied("*", T, constant(0.1)), applied("/", H, constant(7))),
    "if": applied("if", applied("lessThan", T, constant(60)), H, applied("-", T, H)),
    "min and max": applied("max", applied("min", T, H), constant(55)),
    "logarithm": applied("ln", applied("exp", applied("/", T, constant(50)))),
    "roots": applied("sqrt", applied("abs", applied("-", T, H))),
    "steps": applied("floor", applied("/", T, constant(7))),
    "power": applied("pow", applied("/", T, constant(50)), constant(3)),
    "what is known": applied("+", applied("min", T, H), applied("avg", T, H)),
    "sum of known": applied("+", applied("sum", T, H), applied("product", H, T)),
    "not": applied("if", applied("not", applied("lessThan", T, constant(60))), H, constant(3)),
    "in": applied(
        "if", applied("isNotIn", '<FieldRef field="outlook"/>', "<Constant>rain</Constant>"), H, constant(3)
    ),
    "unequal": applied("if", applied("notEqual", T, constant(50.5)), H, constant(3)),
    "missing": applied("if", applied("isMissing", T), constant(5), H),
    "texts": applied(
        "if", applied("equal", '<FieldRef field="outlook"/>', "<Constant>rain</Constant>"), T, H
    ),
    "both": applied(
        "if",
        applied("and", applied("greaterThan", T, constant(50)), applied("lessOrEqual", H, constant(80))),
        T,
        H,
    ),
    "bins": """<Discretize field="temperature"><DiscretizeBin binValue="1"><Interval closure="openClosed" rightMargin="50"/>
</DiscretizeBin><DiscretizeBin binValue="2"><Interval closure="openOpen" leftMargin="50"/></DiscretizeBin></Discretize>""",
    "a table": """<MapValues outputColumn="to" defaultValue="9" mapMissingTo="4"><FieldColumnPair field="outlook" column="from"/><InlineTable>
<row><from>sunny</from><to>1</to></row><row><from>rain</from><to>3</to></row></InlineTable></MapValues>""",
    "lines": """<NormContinuous field="temperature" outliers="asExtremeValues"><LinearNorm orig="40" norm="0"/><LinearNorm orig="60" norm="3"/>
<LinearNorm orig="90" norm="1"/></NormContinuous>""",
}
LOCAL = f"<LocalTransformations>{derived('b', applied('+', T, H))}</LocalTransformations>"
REPLACED = '<MiningField name="temperature" missingValueReplacement="61"/>\n<MiningField name="outlook" missingValueReplacement="rain"/>'
CLIPPED = '<MiningField name="humidity" outliers="asExtremeValues" lowValue="50" highValue="75"/>'

DOCUMENTS: dict[str, tuple[bytes, Signature]] = {
    "a regression": (document(regression(of("temperature"), of("humidity", 0.02, 2)), VALUE), VALUE),
    "a regression of before": (document(regression(of("temperature")), VALUE, version="4.1"), VALUE),
    "texts": (
        document(regression(of("humidity"), '<CategoricalPredictor name="outlook" value="rain" coefficient="2"/>'), VALUE),
        VALUE,
    ),
    "a product": (
        document(regression('<PredictorTerm coefficient="0.01"><FieldRef field="temperature"/><FieldRef field="humidity"/></PredictorTerm>'), VALUE),
        VALUE,
    ),
    "replaced": (document(regression(of("temperature"), extra=REPLACED), VALUE), VALUE),
    "clipped": (document(regression(of("humidity"), extra=CLIPPED), VALUE), VALUE),
    **{f"link {link}": (document(regression(of("humidity", -0.02), settings=f'normalizationMethod="{link}"'), VALUE), VALUE) for link in ("exp", "logit", "cloglog")},
    **{f"classes {method}": (document(classes(method), CLASSES), CLASSES) for method in ("softmax", "simplemax")},
    **{f"formula {name}": (document(regression(of("z", 1)), VALUE, derived=derived("z", formula)), VALUE) for name, formula in FORMULAS.items()},
    "a float between": (document(regression(of("z", 1)), VALUE, derived=derived("z", applied("/", T, constant(7)), "float")), VALUE),
    "local fields": (
        document(regression(of("b", 1), local=LOCAL), VALUE),
        VALUE,
    ),
    "a tree": (document(tree(WARM, COLD), VALUE), VALUE),
    "deeper": (document(tree(leaf(simple("temperature", "lessThan", 60), 1, DAMP + DRY), SUNNY, REST), VALUE), VALUE),
    "the last node": (document(tree(SUNNY, settings='noTrueChildStrategy="returnLastPrediction"'), VALUE), VALUE),
    "sets": (document(tree(leaf(IN, 5), leaf(NOT_IN, 6), REST), VALUE), VALUE),
    "compound": (document(tree(leaf(AND, 5), leaf(OR, 6), REST), VALUE), VALUE),
    "or missing": (document(tree(leaf(OR_MISSING, 5), REST), VALUE), VALUE),
    "is missing": (document(tree(leaf(simple("humidity", "isMissing"), 5), leaf(simple("outlook", "isNotMissing"), 6), REST), VALUE), VALUE),
    "numbers that are equal": (document(tree(leaf(simple("temperature", "equal", 50.5), 5), leaf(simple("humidity", "notEqual", 60), 6), REST), VALUE), VALUE),
    "a default child": (
        document(
            tree(
                leaf(simple("temperature", "greaterThan", 70), 3, identity="w"),
                leaf(simple("temperature", "lessOrEqual", 70), -1, identity="c"),
                settings='missingValueStrategy="defaultChild"',
                top='score="1" defaultChild="c"',
            ),
            VALUE,
        ),
        VALUE,
    ),
    "the last prediction": (document(tree(WARM, COLD, settings='missingValueStrategy="lastPrediction"'), VALUE), VALUE),
    "no prediction": (document(tree(WARM, COLD, settings='missingValueStrategy="nullPrediction"'), VALUE), VALUE),
    **{
        f"trees by {method}": (document(mining(method, tree(WARM, COLD), tree(DAMP, DRY), tree(SUNNY, REST)), VALUE), VALUE)
        for method in ("sum", "average", "weightedAverage")
    },
    **{f"classes by {method}": (document(mining(method, *VOTING, kind="classification"), CLASSES), CLASSES) for method in ("average", "majorityVote")},
    "the first": (
        document(
            mining("selectFirst", tree(WARM, COLD), regression(of("humidity")), predicates=(simple("outlook", "equal", "sunny"), "<True/>")),
            VALUE,
        ),
        VALUE,
    ),
    **{f"a network of {name}": (document(network(name), VALUE), VALUE) for name in ("logistic", "tanh", "rectifier", "identity")},
}  # fmt: skip
