"""Opening a file or folder from elsewhere: looked at first, then read by what its content says that it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidInput, NotFound, Refused
from kervan.core.identity import sha256_file, sha256_parts
from kervan.package.contents.archive import SUFFIX
from kervan.package.contents.manifest import FILE_NAME
from kervan.package.foreign.graph import open_graph
from kervan.package.foreign.mlmodel import FILE_NAME as MLMODEL
from kervan.package.foreign.mlmodel import model_file
from kervan.package.foreign.pmml import open_pmml
from kervan.package.foreign.sklearn import open_native, open_pickle
from kervan.package.foreign.torch_graph import open_module
from kervan.package.foreign.trial import open_tried
from kervan.package.safety.inspection import inspect_file
from kervan.package.safety.kinds import BY_NAME
from kervan.package.writing.native.write import ARRAYS_FILE, MODEL_FILE

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from kervan.package.foreign.foreign import Foreign

_HEAD = 1 << 16
_BOOSTERS = ("lightgbm", "xgboost", "catboost")
_TO_ONNX = "export it to ONNX where it was trained, and import that"
_PROGRAM = "/models/model.json"
CAN_BE_ALLOWED = ("torchscript", "torch")  # kinds of files that are run if they are named
_REFUSED = {
    "torchscript": "it carries code that its reader runs",
    "torch": "its pickle runs what it says",
}
_KNOWN = (
    "known are scikit-learn's pickle and joblib, Kervan's native folders, LightGBM's text, XGBoost's JSON "
    "and UBJSON, CatBoost's .cbm and JSON, Keras, PMML, ONNX, PyTorch's TorchScript and exported programs, "
    "and folders with an MLmodel"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A model from elsewhere, and which content it was read from."""

    foreign: Foreign
    place: str
    sha256: str


def open_model(path: Path, *, allow: Collection[str] = (), columns: int = 0) -> Opened:
    """Read a model that was trained elsewhere, running nothing that its file says.

    A file of the kind "torchscript", and of "torch" if it is an exported program, is run in another process
    where `allow` names its kind: for files of somebody who is trusted. Such a file does not say how many
    columns it takes; `columns`, those that it will be given, are tried first.

    Raises `Refused` for what runs code, cannot be read or is of another version; `Corrupted` for what is
    broken; `InvalidInput` for a file that is no model; `NotFound`.
    """
    if path.suffix == SUFFIX or (path / FILE_NAME).is_file():
        raise InvalidInput(
            f"{path} is a package already",
            hint="`kervan package check` says whose it is, and `kervan serve` answers for it",
        )
    if path.is_dir():
        return _open_folder(path, allow, columns)
    kind = _inspected(path, allow)
    return Opened(foreign=_open_file(path, kind, columns), place=path.name, sha256=sha256_file(path))


def _open_folder(folder: Path, allow: Collection[str], columns: int) -> Opened:
    if (folder / MLMODEL).is_file():
        inspect_file(folder / MLMODEL)
        inner = open_model(model_file(folder), allow=allow, columns=columns)
        return Opened(foreign=inner.foreign, place=f"{folder.name}/{inner.place}", sha256=inner.sha256)
    if not (folder / MODEL_FILE).is_file():
        raise InvalidInput(f"{folder} holds neither {MLMODEL} nor {MODEL_FILE}: it is no model", hint=_KNOWN)
    hashes = []
    for name in (MODEL_FILE, ARRAYS_FILE):
        inspect_file(folder / name)
        hashes.append(f"{name} {sha256_file(folder / name)}")
    return Opened(foreign=open_native(folder), place=folder.name, sha256=sha256_parts(hashes))


def _inspected(path: Path, allow: Collection[str]) -> str:
    """Return the kind of a file that may be read. Pickles may: nothing that they name is called."""
    if not path.exists():
        raise NotFound(f"there is no file {path}", hint="name the file or folder of a model")
    found = inspect_file(path, allow={"pickle", "torch", "torchscript"})
    is_program = found.kind == "zip" and any(name.endswith(_PROGRAM) for name, _ in found.inside)
    kind = "torch" if is_program else found.kind
    is_allowed = kind in allow and (kind == "torchscript" or is_program)
    if kind in _REFUSED and not is_allowed:
        title = BY_NAME[kind].title
        hint = _TO_ONNX
        if kind == "torchscript" or is_program:
            hint += f"; or allow {kind!r} by name, if you trust whoever made it"
        raise Refused(f"{path} is a {title}: {_REFUSED[kind]}", hint=hint)
    return kind


def _open_file(path: Path, kind: str, columns: int) -> Foreign:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    library = _library(head, kind)
    if library:
        return open_tried(path, library)
    if kind in _REFUSED:  # and was allowed
        return open_module(path, columns)
    if kind == "pickle":
        return _open_pickle(path)
    if kind == "onnx":
        return open_graph(path)
    if kind == "xml":
        return open_pmml(path)
    raise InvalidInput(f"{path} is {BY_NAME[kind].title}, and no model that is known here", hint=_KNOWN)


def _library(head: bytes, kind: str) -> str:
    """Return which library reads a file that another process tries first, or ""."""
    if head.startswith(b"CBM1"):  # some of which are also opcodes of a pickle
        return "CatBoost"
    if kind in {"keras", "hdf5"}:
        return "Keras"
    if kind == "text" and head.startswith(b"tree\n"):
        return "LightGBM"
    if head.startswith(b"{L\0\0\0\0\0\0\0\x07learner") or (kind == "json" and b'"learner"' in head):
        return "XGBoost"
    return "CatBoost's JSON" if kind == "json" and b'"features_info"' in head else ""


def _open_pickle(path: Path) -> Foreign:
    try:
        return open_pickle(path)
    except Refused as error:
        if any(library in str(error) for library in _BOOSTERS):
            hint = "save it by the library's own `save_model`, and import that"
            raise Refused(str(error), hint=hint) from error
        raise
