"""A JAR for programs on the Java virtual machine, which also scores CSV from a shell."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kervan.core.errors import Corrupted
from kervan.package.distribution.readme import example_row, write_readme
from kervan.package.encoding import encoded
from kervan.package.writing.code.driver import find_tool
from kervan.package.writing.code.text import fill
from kervan.package.writing.zipped import write_zip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kervan.package.distribution.product import Product

LANGUAGE = "java"
_RELEASE = "8"


def write_jar(sources: Mapping[str, bytes], product: Product) -> tuple[str, bytes]:
    """Return the JAR's file name and bytes, from what the format `java` wrote, compiled here.

    Raises `MissingTool` without a Java compiler.
    """
    module = product.module
    head = f"package {module};\n\n"
    written = {
        f"{module}/Model.java": head + sources["Model.java"].decode(),
        f"{module}/Main.java": head + fill("Main.java", {}),
    }
    manifest = [
        "Manifest-Version: 1.0",
        f"Main-Class: {module}.Main",
        f"Implementation-Title: {product.title}",
        f"Implementation-Version: {product.version}",
    ]
    files = {
        "META-INF/MANIFEST.MF": "\r\n".join([*map(_folded, manifest), "", ""]).encode(),
        f"{module}/README.md": _readme(product).encode(),
        f"{module}/model.json": product.facts().encode(),
        **{name: text.encode() for name, text in written.items()},
        **_compiled(written),
    }
    return f"{product.title}-{product.version}.jar", write_zip(files)


def _readme(product: Product) -> str:
    inputs = encoded(product.signature).inputs  # it knows no dates, times and texts
    row = example_row(inputs).items()
    puts = (f"row.put({_literal(name)}, {_literal(value)});" for name, value in row)
    code = "\n".join(
        [
            f"import {product.module}.Model;",
            "",
            "Map<String, Object> row = new HashMap<>();",
            *puts,
            "Model.Answer answer = Model.predict(row);",
            "",
            f"// From a shell: java -jar {product.title}-{product.version}.jar rows.csv > answers.csv",
        ]
    )
    return write_readme(product, inputs, needs="Java 8 or newer", language="java", code=code)


def _literal(value: Any) -> str:
    """Write a value as Java has it: JSON's literals are Java's, in ASCII."""
    return json.dumps(value)


def _folded(line: str) -> str:
    """Break a line of the manifest where Java demands it: after 72 bytes."""
    return "\r\n ".join([line[:72], *(line[at : at + 71] for at in range(72, len(line), 71))])


def _compiled(sources: Mapping[str, str]) -> dict[str, bytes]:
    compiler = find_tool("javac", install="a Java development kit, such as OpenJDK 17")
    options = ("--release", _RELEASE, "-Xlint:-options", "-encoding", "ascii", "-d", "classes")
    with tempfile.TemporaryDirectory(prefix="kervan-") as scratch:
        folder = Path(scratch)
        for name, text in sources.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text, encoding="ascii")
        done = subprocess.run([compiler, *options, *sources], cwd=folder, capture_output=True, check=False)
        if done.returncode:
            raise Corrupted(
                f"the written code does not compile: {done.stderr.decode(errors='replace')[:500]}",
                hint="write the model again; if that does not help, report this",
            )
        found = folder / "classes"
        return {str(path.relative_to(found)): path.read_bytes() for path in sorted(found.rglob("*.class"))}
