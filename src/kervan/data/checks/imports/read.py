"""A file of another library's checks: which it is, and what it says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kervan.core.errors import InvalidInput, StorageFailed
from kervan.core.plugins import extras_named
from kervan.data.checks.imports.expectations import from_expectations
from kervan.data.checks.imports.pandera import from_pandera

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.data.checks.written import Suggestion


def read_checks(file: Path) -> tuple[list[Suggestion], list[str]]:
    """Return the checks of a schema of pandera (YAML, JSON) or of a suite of Great Expectations (JSON).

    The second list says in words what of it cannot be expressed. Raises `InvalidInput` for another file.
    """
    said = _parsed(file)
    if isinstance(said, dict) and "expectations" in said:
        return from_expectations(said)
    if isinstance(said, dict) and isinstance(said.get("columns"), dict):
        return from_pandera(said)
    raise InvalidInput(
        f"{file} is neither a schema of pandera nor a suite of Great Expectations",
        hint="write one with `schema.to_yaml()`, or with `suite.to_json_dict()` as JSON",
    )


def _parsed(file: Path) -> Any:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise StorageFailed(f"cannot read {file}: {error}", hint="make it a file of UTF-8 text") from error
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except ValueError as error:
            raise InvalidInput(f"{file} is no JSON: {error}", hint="write it again") from error
    with extras_named():
        import yaml
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise InvalidInput(f"{file} is no YAML: {reason}", hint="write it again") from error
