"""Finding pickles in whatever file: as soon as an opcode would import something, it is one."""

from __future__ import annotations

import pickletools
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kervan.package.safety.tape import EndedEarly

if TYPE_CHECKING:
    from kervan.package.safety.tape import Tape

_IMPORTING = {"GLOBAL", "INST", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4"}
_CALLING = {"REDUCE", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD", "PERSID", "BINPERSID"}
_SIZED = {
    "BINBYTES": "<I",
    "BINBYTES8": "<Q",
    "BINSTRING": "<i",
    "BINUNICODE": "<I",
    "BINUNICODE8": "<Q",
    "BYTEARRAY8": "<Q",
    "LONG4": "<i",
}
_LINES = {"GLOBAL": 2, "INST": 2, "PERSID": 1, "STRING": 1}
_LONGEST_TEXT = 1 << 10
_MOST_NAMES = 20
_CODES: dict[str, Any] = {opcode.code: opcode for opcode in pickletools.opcodes}
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.\w+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """What the opcodes of a stream do. `names` are what they import, as far as it can be told.

    `calls` says that one of them is called too. A text may look like an import by accident ("city" begins
    with that opcode), but hardly like a call.
    """

    names: tuple[str, ...]
    calls: bool
    ended: bool


def walk(tape: Tape) -> Walk:
    """Walk over the opcodes up to the first that is none, running nothing.

    A stream may do harm before it breaks, so what was met before counts.
    """
    names: list[str] = []
    texts = ["?", "?"]
    met: list[str] = []  # what matters for a call since the last import
    calls, begun = False, False
    try:
        while True:
            code = tape.some(1)
            opcode = _CODES.get(code.decode("latin-1")) if code else None
            if opcode is None or (opcode.name == "POP" and not begun):  # there is nothing yet to take away
                return Walk(names=tuple(names), calls=calls, ended=False)
            begun = True
            argument = _argument(opcode, tape)
            if isinstance(argument, str):
                texts = [texts[1], argument]
            calls = calls or _is_call(opcode, met, names)
            if opcode.name in _IMPORTING:
                names[_MOST_NAMES - 1 :] = [_name(opcode.name, argument, texts)]
                met.clear()
            elif opcode.stack_after and len(met) < _MOST_NAMES:
                met.append(opcode.name)
            if opcode.name == "STOP":
                return Walk(names=tuple(names), calls=calls, ended=True)
    except (EndedEarly, ValueError, struct.error, OverflowError):
        return Walk(names=tuple(names), calls=calls, ended=False)


def _is_call(opcode: Any, met: list[str], names: list[str]) -> bool:
    """Say whether an opcode calls what was imported: something was put on the stack after it."""
    if opcode.name == "INST":
        return "MARK" in met
    if opcode.name in {"PERSID", "BINPERSID"}:
        return bool(opcode.name == "BINPERSID")
    imported = bool(names) and all(_DOTTED.fullmatch(name) for name in names)
    return bool(opcode.name in _CALLING and imported and met)


def _argument(opcode: Any, tape: Tape) -> Any:
    """Read an opcode's argument; long ones are passed without keeping them."""
    if opcode.arg is None:
        return None
    if opcode.name in _LINES:
        lines = [tape.readline()[:-1].decode("ascii") for _ in range(_LINES[opcode.name])]
        if opcode.name == "STRING" and (
            len(lines[0]) < 2 or lines[0][0] not in "\"'" or lines[0][0] != lines[0][-1]
        ):
            raise ValueError("a text without quotes")
        return " ".join(lines).strip("\"'")
    if opcode.name not in _SIZED:
        return opcode.arg.reader(tape)
    kind = _SIZED[opcode.name]
    (count,) = struct.unpack(kind, tape.read(struct.calcsize(kind)))
    if opcode.name.startswith("BINUNICODE") and count <= _LONGEST_TEXT:
        return tape.read(count).decode("utf-8", "replace")
    tape.skip(count)
    return None


def _name(opcode: str, argument: Any, texts: list[str]) -> str:
    if opcode in {"GLOBAL", "INST"}:
        return str(argument).replace(" ", ".")[:120]
    return f"{texts[0]}.{texts[1]}"[:120] if opcode == "STACK_GLOBAL" else f"number {argument}"
