"""Texts that are more than text: XML with entities, YAML that makes objects, Keras settings that call."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from kervan.package.safety.tape import EndedEarly

if TYPE_CHECKING:
    from kervan.package.safety.tape import Tape

_PIECE = 1 << 16
_DEEPEST = 200
_TAG = re.compile(r"(?m)(^|[\s:\[{,-])(!!python/|!<|!!?(?:python|ruby|java|perl)\b)")
_ANCHOR = re.compile(r"(?m)(?:^|[\s:\[,-])&(\w+)\s")
_ALIAS = re.compile(r"[\s\[,]\*(\w+)\s*(?:$|[\s,\]])")
_OBJECT_TAG = re.compile(rb"!!python/|!<tag:")
_MOST_ALIASES = 8
_ENTRY = re.compile(r"""(\s*(#[^\n]*)?\n)*(-\s|\?\s|!|(?!\"{3})[^\s#][^\n]*:(\s|$))""")
_KERAS_OWN = re.compile(r"(keras|keras_core|tf_keras|tensorflow\.keras)(\.[\w.]+)?|builtins|")
_FUNCTIONS = re.compile(
    r"keras(\.src)?\.(activations|losses|metrics|initializers|regularizers|constraints)(\.\w+)*"
)
_WIDE_XML = {b"<\x00?\x00", b"\xff\xfe<\x00", b"\xfe\xff\x00<", b"\x00<\x00?"}
_CALLING = {"Lambda", "__lambda__", "TorchModuleWrapper", "FlaxLayer", "JaxLayer", "TFSMLayer"}


def xml_fault(tape: Tape) -> str:
    """Say what is wrong with an XML text, or "": a DTD, entities, nesting without end, broken."""
    parser = expat.ParserCreate()
    found: list[str] = []
    depth = 0

    def refuse(*_: Any) -> int:
        found.append("has a DTD or entities")
        raise ValueError(found[0])

    def open_(*_: Any) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            found.append(f"nests more than {_DEEPEST} elements")
            raise ValueError(found[0])

    def close(*_: Any) -> None:
        nonlocal depth
        depth -= 1

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    parser.StartElementHandler = open_
    parser.EndElementHandler = close
    try:
        while piece := tape.some(_PIECE):
            parser.Parse(piece, False)
        parser.Parse(b"", True)
    except (expat.ExpatError, ValueError) as error:
        return found[0] if found else f"is broken XML: {error}"
    return ""


def text_kind(head: bytes) -> str:
    """Return "json", "xml", "yaml" or "text" for what begins like a text, "" for anything else."""
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return (
                "xml"
                if head[:4] in {b"<\x00?\x00", b"\xff\xfe<\x00", b"\xfe\xff\x00<", b"\x00<\x00?"}
                else ""
            )
        text = head[: error.start].decode("utf-8-sig")
    if head[:4] in _WIDE_XML:
        return "xml"
    if any(letter < " " and letter not in "\t\n\r\f" for letter in text):
        return ""
    start = text.lstrip()[:1]
    if start in {"{", "["}:
        return "json"
    if start == "<":
        return "xml"
    return "yaml" if text.startswith(("---", "%YAML")) or _ENTRY.match(text) else "text"


def tag_fault(head: bytes) -> str:
    """Say that a text would make objects if it were read as YAML, or ""."""
    return "makes objects by YAML tags" if _OBJECT_TAG.search(head) else ""


def yaml_fault(tape: Tape) -> str:
    """Say what is wrong with a YAML text, or "": it makes objects, or repeats itself by aliases."""
    try:
        text = tape.rest().decode("utf-8-sig")
    except (EndedEarly, UnicodeDecodeError):
        return "is a text of unusual length or coding"
    if _TAG.search(text):
        return "makes objects by tags"
    anchors = set(_ANCHOR.findall(text))
    aliases = sum(name in anchors for name in _ALIAS.findall(text)) if anchors else 0
    return "repeats itself by aliases" if aliases > _MOST_ALIASES else ""


def keras_fault(tape: Tape) -> str:
    """Say what is wrong with the settings of a Keras model, or "": layers that are code, others' names."""
    try:
        settings = json.loads(tape.rest())
    except (ValueError, RecursionError, EndedEarly):
        return "has broken settings"
    waiting = [settings]
    while waiting:
        found = waiting.pop()
        if isinstance(found, list):
            waiting += found
        elif isinstance(found, dict):
            fault = _keras_object(found)
            if fault:
                return fault
            waiting += found.values()
    return ""


def _keras_object(found: dict[str, Any]) -> str:
    name, module = found.get("class_name"), found.get("module")
    if name in _CALLING:
        return f"has a layer that is code: {name}"
    if module is not None and not _KERAS_OWN.fullmatch(str(module)):
        return f"names {str(module)[:80]!r}, which is not Keras"
    if name == "function" and not _FUNCTIONS.fullmatch(str(module)):
        return f"names the function {str(found.get('config'))[:80]!r}"
    return ""


def hdf5_fault(tape: Tape) -> str:
    """Say what is wrong with an HDF5 file, or "": Keras settings in it that are code."""
    marks = (b'"Lambda"', b'"__lambda__"', b'"function_type"', b'"class_name": "function"')
    last = b""
    while piece := tape.some(_PIECE):
        window = last + piece
        if any(mark in window for mark in marks):
            return "has a Keras layer that is code"
        last = piece[-64:]
    return ""
