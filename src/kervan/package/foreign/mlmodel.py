"""Folders with an `MLmodel`: which of their files holds the model. No loader that they name is ever run."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from kervan.core.errors import Corrupted, NotFound, Refused
from kervan.core.plugins import extras_named

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "MLmodel"
_LARGEST = 1 << 20
_FLAVOURS = {  # which entry of a flavour names its file
    "onnx": "data",
    "sklearn": "pickled_model",
    "lightgbm": "data",
    "xgboost": "data",
    "catboost": "data",
}


def model_file(folder: Path) -> Path:
    """Return the file of the first flavour that is known here.

    Raises `Refused` if there is none, or if the file lies elsewhere; `Corrupted` for a broken MLmodel.
    """
    flavours = _flavours(folder / FILE_NAME)
    for name, entry in _FLAVOURS.items():
        flavour = flavours.get(name)
        if isinstance(flavour, dict):
            return _inside(folder, str(flavour.get(entry, "")), name)
    raise Refused(
        f"{folder} has the flavours {', '.join(map(str, flavours)) or 'none'}: none of them is read here",
        hint=f"log the model as one of {', '.join(_FLAVOURS)}; a python_function alone is code",
    )


def _flavours(path: Path) -> dict[str, Any]:
    with extras_named():
        import yaml

    if path.stat().st_size > _LARGEST:
        raise Refused(f"{path} is larger than {_LARGEST >> 20} MiB", hint="do not load it")
    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise Corrupted(f"{path} is no YAML: {error}", hint="fetch the folder again") from error
    flavours = told.get("flavors") if isinstance(told, dict) else None
    if not isinstance(flavours, dict):
        raise Corrupted(f"{path} names no flavours", hint="fetch the folder again")
    return flavours


def _inside(folder: Path, name: str, flavour: str) -> Path:
    parts = PurePosixPath(name).parts
    path = folder.joinpath(*parts)
    if not parts or ".." in parts or PurePosixPath(name).is_absolute():
        raise Refused(
            f"{folder}: its {flavour} names the file {name!r}, outside of it", hint="do not load it"
        )
    if any(each.is_symlink() for each in (path, *path.parents) if folder in each.parents):
        raise Refused(f"{path} is a link", hint="give a folder without links")
    if not path.is_file():
        raise NotFound(f"{folder} says that its model is {name!r}, which is no file", hint="fetch it again")
    return path
