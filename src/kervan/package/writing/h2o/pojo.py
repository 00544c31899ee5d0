"""A form as a POJO: one Java class that extends H2O's, around what the format `java` computes with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.schema import Type
from kervan.package.writing.code.java import (
    has_many_texts,
    java_methods,
    java_naming,
    java_program,
    java_texts,
)
from kervan.package.writing.code.text import fill, java_text
from kervan.package.writing.h2o.model import category_of, domain_of, uuid_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kervan.core.schema import Column, Signature
    from kervan.package.writing.code.program import Program

CLASS, FILE = "Model", "Model.java"
_COLUMNS = 50  # columns in a method


def write_pojo(program: Program) -> Mapping[str, str]:
    """Return the class `Model` by its file name."""
    parts = {
        **java_program(program),
        **_columns(program.signature),
        "outputs": str(program.outputs),
        "naming": java_naming(program.signature, ("preds[2]", "preds[i + 1]"), depth=2),
        "category": category_of(program.signature),
        "uuid": "",
    }
    return {FILE: fill("Pojo.java", {**parts, "uuid": uuid_of(fill("Pojo.java", parts).encode())})}


def _columns(signature: Signature) -> dict[str, str]:
    is_packed = has_many_texts(signature)
    names = [f"names[{at}] = {java_text(name)};" for at, name in enumerate(signature.inputs.names)]
    domains = [
        f"domains[{at}] = {_domain(column, is_packed=is_packed)};"
        for at, column in enumerate((*signature.inputs, signature.output))
        if domain_of(column) is not None
    ]
    return {
        **java_methods("names", "String[] names", names, _COLUMNS),
        **java_methods("domains", "String[][] domains", domains, _COLUMNS),
    }


def _domain(column: Column, *, is_packed: bool) -> str:
    if column.type is Type.BOOLEAN:
        return "BOOLEAN"
    return f"{java_texts(column.allowed, is_packed=is_packed)}.toArray(new String[0])"
