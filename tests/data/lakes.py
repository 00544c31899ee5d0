"""Lakes as other programs write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def iceberg_catalog(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Configure a catalog `lake` in the environment, as people do, and return its properties."""
    properties = {
        "type": "sql",
        "uri": f"sqlite:///{folder}/catalog.db",
        "warehouse": f"file://{folder}/warehouse",
    }
    for name, value in properties.items():
        monkeypatch.setenv(f"PYICEBERG_CATALOG__LAKE__{name.upper()}", value)
    return properties
