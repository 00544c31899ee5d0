"""A document: its fields, its derived fields, and its one model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as Xml

from kervan.core.errors import Corrupted, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_LARGEST = 256 << 20
_MOST_TEXTS = 10_000
_EXPORT = "export the model to ONNX where it was trained, and import that"
MODELS = ("RegressionModel", "TreeModel", "MiningModel", "NeuralNetwork")
_PASSED = {"Header", "MiningBuildTask", "DataDictionary", "TransformationDictionary", "Extension"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A field of the data that the model takes: numbers, booleans as 0 and 1, or texts (`known`)."""

    name: str
    kind: str
    known: tuple[str, ...] = ()

    @property
    def is_text(self) -> bool:
        """Whether it holds texts."""
        return self.kind == "string"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document. `labels` are the classes in their order, empty for a regression."""

    inputs: tuple[Input, ...]
    derived: Mapping[str, Xml.Element]
    model: Xml.Element
    target: str
    labels: tuple[str, ...]


def read_document(path: Path) -> Document:
    """Read a document that has been looked at (see `inspect_file`): no entities, no endless nesting.

    Raises `Corrupted` for what is no PMML, `Refused` for a model of a kind that is not read here.
    """
    if path.stat().st_size > _LARGEST:
        raise Refused(f"{path} is larger than {_LARGEST >> 20} MiB", hint=_EXPORT)
    try:
        root = Xml.parse(path).getroot()  # noqa: S314  it holds no DTD: that was looked at before
    except Xml.ParseError as error:
        raise Corrupted(f"{path} is no XML: {error}", hint="fetch the file again") from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    if root.tag != "PMML":
        raise Corrupted(f"{path} is XML, but no PMML", hint="fetch the file again")
    model = _model(root, path)
    fields = {field.get("name", ""): field for field in root.iterfind("DataDictionary/DataField")}
    target = _target(model)
    taken = [name for name in _active(model) if name in fields and name != target]
    texts = _texts_asked(root)
    return Document(
        inputs=tuple(_input(fields[name], texts.get(name, {})) for name in taken),
        derived={
            field.get("name", ""): field for field in root.iterfind("TransformationDictionary/DerivedField")
        },
        model=model,
        target=target,
        labels=_labels(model, fields.get(target)) if model.get("functionName") == "classification" else (),
    )


def _model(root: Xml.Element, path: Path) -> Xml.Element:
    for element in root:
        if element.tag in MODELS:
            return element
        if element.tag not in _PASSED:
            raise Refused(f"{path} holds a {element.tag}, which is not read here", hint=_EXPORT)
    raise Corrupted(f"{path} holds no model", hint="fetch the file again")


def _target(model: Xml.Element) -> str:
    for field in model.iterfind("MiningSchema/MiningField"):
        if field.get("usageType") in {"target", "predicted"}:
            return field.get("name", "")
    return ""


def _active(model: Xml.Element) -> Iterator[str]:
    """Give the names of the fields that a model takes."""
    for field in model.iterfind("MiningSchema/MiningField"):
        if field.get("usageType", "active") == "active":
            yield field.get("name", "")


def _input(field: Xml.Element, asked: Mapping[str, None]) -> Input:
    kind = field.get("dataType", "double")
    if kind not in {"string", "double", "float", "integer", "boolean"}:
        raise Refused(f"the field {field.get('name')!r} holds a {kind}", hint=_EXPORT)
    if kind != "string":
        return Input(name=field.get("name", ""), kind=kind)
    told = [
        value.get("value", "")
        for value in field.iterfind("Value")
        if value.get("property", "valid") == "valid"
    ]
    return Input(name=field.get("name", ""), kind=kind, known=tuple(dict.fromkeys(told or sorted(asked))))


def _texts_asked(root: Xml.Element) -> dict[str, dict[str, None]]:
    """Return for each field the texts that anything in the document asks for."""
    found: dict[str, dict[str, None]] = {}
    for element in root.iter():
        name, text = element.get("field") or element.get("name"), element.get("value")
        if (
            element.tag in {"SimplePredicate", "NormDiscrete", "CategoricalPredictor"}
            and name
            and text is not None
        ):
            found.setdefault(name, {})[text] = None
        elif element.tag == "SimpleSetPredicate" and name:
            found.setdefault(name, {}).update(dict.fromkeys(texts_of(element)))
    if any(len(texts) > _MOST_TEXTS for texts in found.values()):
        raise Refused("the document asks for very many texts of a field", hint=_EXPORT)
    return found


def texts_of(element: Xml.Element) -> list[str]:
    """Return the texts of the array inside of an element: parted by blanks, or in quotes."""
    array = element.find("Array")
    text = "" if array is None else (array.text or "")
    found, word, quoted, is_word = [], "", False, False
    letters = iter(text)
    for letter in letters:
        if letter == "\\" and quoted:
            word += next(letters, "")
        elif letter == '"':
            quoted, is_word = not quoted, True
        elif letter.isspace() and not quoted:
            if is_word or word:
                found.append(word)
            word, is_word = "", False
        else:
            word += letter
    return [*found, word] if is_word or word else found


def _labels(model: Xml.Element, field: Xml.Element | None) -> tuple[str, ...]:
    """Return the classes: those that the dictionary lists, or else those that the model knows."""
    listed = [] if field is None else [value.get("value", "") for value in field.iterfind("Value")]
    if listed:
        return tuple(dict.fromkeys(listed))
    if field is not None and field.get("dataType") == "boolean":
        return ("false", "true")
    told = [table.get("targetCategory", "") for table in model.iter("RegressionTable")]
    told += [share.get("value", "") for share in model.iter("ScoreDistribution")]
    told += [node.get("score", "") for node in model.iter("Node")]
    return tuple(dict.fromkeys(label for label in told if label))
