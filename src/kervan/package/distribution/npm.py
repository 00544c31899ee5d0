"""An npm package for `import` and `require`, with types."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import TYPE_CHECKING

from kervan.package.distribution.readme import as_json, example_row, write_readme
from kervan.package.encoding import encoded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kervan.package.distribution.product import Product

LANGUAGE = "javascript"
_MOMENT = 499_162_500  # 26 October 1985: the time that npm itself gives to every file


def write_npm(sources: Mapping[str, bytes], product: Product) -> tuple[str, bytes]:
    """Return the tarball's file name and bytes, from what the format `javascript` wrote."""
    described = {
        "name": product.title,
        "version": product.version,
        "description": product.summary,
        **({"license": product.licence} if product.licence else {}),
        "main": "./model.cjs",
        "types": "./model.d.cts",
        "exports": {
            ".": {
                "import": {"types": "./model.d.mts", "default": "./model.mjs"},
                "require": {"types": "./model.d.cts", "default": "./model.cjs"},
            },
            "./model.json": "./model.json",
        },
        "sideEffects": False,
        "engines": {"node": ">=16"},
    }
    files = {
        "package.json": (json.dumps(described, indent=2, ensure_ascii=False) + "\n").encode(),
        "README.md": _readme(product).encode(),
        "model.json": product.facts().encode(),
        **{name: sources[name] for name in sorted(sources)},
    }
    return f"{product.title}-{product.version}.tgz", _write_tarball(files)


def _readme(product: Product) -> str:
    inputs = encoded(product.signature).inputs  # it knows no dates, times and texts
    code = (
        f'import {{ predict }} from "{product.title}";\n\n'
        f"console.log(predict({as_json(example_row(inputs))}));"
    )
    needs = "a browser, Node 16 or newer, Deno or Bun"
    return write_readme(product, inputs, needs=needs, language="js", code=code)


def _write_tarball(files: Mapping[str, bytes]) -> bytes:
    body = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=body, mode="wb", filename="", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, content in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size, entry.mtime, entry.mode = len(content), _MOMENT, 0o644
            archive.addfile(entry, io.BytesIO(content))
    return body.getvalue()
