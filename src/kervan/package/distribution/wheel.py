"""A wheel that needs nothing but Python: `import income_model; income_model.predict({...})`."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from kervan.package.distribution.inputs import MODULE, write_inputs
from kervan.package.distribution.readme import example_row, write_readme
from kervan.package.writing.zipped import write_zip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kervan.package.distribution.product import Product

LANGUAGE = "python"

_INIT = '''"""{summary}.

`predict` takes a row as a mapping of column names to values, `score` takes rows of numbers in the order
of `COLUMNS`.
"""

from .{asked} import encode, predict
from ._model import CLASSES, COLUMNS, OUTPUT, Column, RefusedRow, score

__all__ = ["CLASSES", "COLUMNS", "OUTPUT", "Column", "RefusedRow", "encode", "predict", "score"]
__version__ = {version!r}
MODEL_HASH = {hash!r}
'''
_METADATA = """Metadata-Version: 2.1
Name: {title}
Version: {version}
Summary: {summary}
{licence}Requires-Python: >=3.9
Description-Content-Type: text/markdown; charset=UTF-8

{description}"""
_WHEEL = """Wheel-Version: 1.0
Generator: kervan
Root-Is-Purelib: true
Tag: py3-none-any
"""


def write_wheel(sources: Mapping[str, bytes], product: Product) -> tuple[str, bytes]:
    """Return the wheel's file name and bytes, from what the format `python` wrote."""
    module, title, version = product.module, product.title, product.version
    info = f"{title.replace('-', '_')}-{version}.dist-info"
    licence = f"License: {' '.join(product.licence.split())}\n" if product.licence else ""
    quoted = product.summary.replace("\\", "\\\\").replace('"', '\\"')
    inputs = write_inputs(product.signature)
    facts = {"version": version, "hash": product.hash, "asked": MODULE if inputs else "_model"}
    files = {
        f"{module}/__init__.py": _INIT.format(summary=quoted, **facts),
        f"{module}/_model.py": sources["model.py"].decode(),
        **{f"{module}/{name}": text for name, text in inputs.items()},
        f"{module}/model.json": product.facts(),
        f"{module}/py.typed": "",
        f"{info}/METADATA": _METADATA.format(
            title=title,
            version=version,
            summary=product.summary,
            licence=licence,
            description=_readme(product),
        ),
        f"{info}/WHEEL": _WHEEL,
    }
    content = {name: text.encode() for name, text in files.items()}
    record = [f"{name},sha256={_digest(body)},{len(body)}" for name, body in content.items()]
    content[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    return f"{title.replace('-', '_')}-{version}-py3-none-any.whl", write_zip(content)


def _readme(product: Product) -> str:
    inputs = product.signature.inputs
    code = f"import {product.module}\n\nprint({product.module}.predict({example_row(inputs)!r}))"
    return write_readme(product, inputs, needs="Python 3.9 or newer", language="python", code=code)


def _digest(body: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()
