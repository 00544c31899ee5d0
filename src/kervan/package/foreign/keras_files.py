"""The settings and weights in files of Keras: `.keras` archives, and HDF5 of Keras 2 and 3."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Corrupted, Refused
from kervan.core.plugins import extras_named
from kervan.package.safety.archives import ZIP_START, zip_members
from kervan.package.safety.limits import DEFAULT, Budget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_LARGEST_TEXT = 16 << 20
_LARGEST_ARRAY = 1 << 26  # elements
_OLD_ENDING = re.compile(r":\d+$")

Arrays = dict[str, "NDArray[np.float64]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KerasFile:
    """What a file says: the settings of its model, the release of Keras, and weights of layers by name.

    A layer inside of others is known by the names of all of these, its own last.
    """

    config: dict[str, Any]
    release: int
    weights: Callable[[tuple[str, ...], tuple[str, ...]], Arrays] = field(repr=False)


def read_keras(path: Path) -> KerasFile:
    """Read a file. Raises `Corrupted` for a broken one, `Refused` for links and sizes that lie."""
    with extras_named():
        import h5py

    with path.open("rb") as file:
        is_archive = file.read(4) == ZIP_START
    try:
        return _read_archive(path) if is_archive else _read_old(path, h5py.File(path, "r"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Corrupted(f"{path} is no model of Keras: {error}", hint="save it again") from error


def _read_archive(path: Path) -> KerasFile:
    import h5py

    found: dict[str, bytes] = {}
    with path.open("rb") as file:
        for member in zip_members(file, Budget(path, DEFAULT)):
            if member.name in {_CONFIG, _METADATA}:
                found[member.name] = member.stream.read(_LARGEST_TEXT)
            elif member.name == _WEIGHTS:
                found[member.name] = member.stream.read(-1)
    if len(found) < 3:
        raise Corrupted(f"{path} lacks its settings or weights", hint="save it again")
    config = json.loads(found[_CONFIG])
    release = json.loads(found[_METADATA]).get("keras_version", "3")
    weights = h5py.File(io.BytesIO(found[_WEIGHTS]), "r")
    groups = dict(_groups(weights, ()))

    def arrays(layers: tuple[str, ...], names: tuple[str, ...]) -> Arrays:
        group = groups.get(layers)
        if group is None:
            raise Corrupted(f"{path} has no weights of the layer {layers[-1]!r}", hint="save it again")
        return {name: _array(path, group, str(place)) for place, name in enumerate(names)}

    return KerasFile(config=config, release=_release(release), weights=arrays)


def _groups(group: Any, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Give the group of each layer's variables, by the names of the layer and of those that it is in."""
    for holder in ("layers", "_layer_checkpoint_dependencies"):
        if _linked(group, holder) is None:
            continue
        for key in group[holder]:
            inner = _linked(group[holder], key)
            variables = None if inner is None else _linked(inner, "vars")
            if variables is None or "name" not in variables.attrs:
                continue
            name = str(variables.attrs["name"])
            yield (*above, name), variables
            yield from _groups(inner, (*above, name))


def _linked(group: Any, name: str) -> Any:
    """Return a member of a group, or None. A link to another place or file is refused."""
    import h5py

    link = group.get(name, getlink=True)
    if link is not None and not isinstance(link, h5py.HardLink):
        raise Refused(f"the weights name another place: {name[:80]!r} is a link", hint="do not load it")
    return None if link is None else group[name]


def _array(path: Path, group: Any, name: str) -> NDArray[np.float64]:
    """Read an array that lies in the file itself, and has the size that it says."""
    import h5py

    found = group
    for part in name.split("/"):
        found = _linked(found, part)
        if found is None:
            raise Corrupted(f"{path} lacks the weights {name[:80]!r}", hint="save it again")
    if not isinstance(found, h5py.Dataset) or found.dtype.kind not in "fiu":
        raise Corrupted(f"{path}: {name[:80]!r} holds no numbers", hint="save it again")
    if found.is_virtual or found.external:
        raise Refused(f"{path} keeps the weights {name[:80]!r} in other files", hint="do not load it")
    if found.size > _LARGEST_ARRAY or found.size * found.dtype.itemsize > max(
        found.id.get_storage_size() * DEFAULT.ratio, 1 << 16
    ):
        raise Refused(f"{path} announces weights that are not there: {name[:80]!r}", hint="save it again")
    return np.asarray(found[()], dtype=np.float64)


def _read_old(path: Path, file: Any) -> KerasFile:
    told = file.attrs.get("model_config")
    if told is None:
        raise Refused(
            f"{path} holds weights alone, without their layers", hint="save the whole model: model.save(…)"
        )
    config = json.loads(told)
    weights = _linked(file, "model_weights")
    if weights is None:
        raise Corrupted(f"{path} has no weights", hint="save it again")

    def arrays(layers: tuple[str, ...], names: tuple[str, ...]) -> Arrays:
        group = _linked(weights, layers[0])
        listed = [] if group is None else [_text(name) for name in group.attrs["weight_names"]]
        if len(layers) > 1:  # those of all inner layers lie together
            listed = [name for name in listed if f"/{layers[-1]}/" in f"/{name}"]
        by_name = {_OLD_ENDING.sub("", name.rpartition("/")[2]): name for name in listed}
        if set(by_name) != set(names):
            raise Corrupted(f"{path} has other weights of the layer {layers[-1]!r}", hint="save it again")
        return {name: _array(path, group, by_name[name]) for name in names}

    release = _text(file.attrs.get("keras_version", "2"))
    return KerasFile(config=config, release=_release(release), weights=arrays)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _release(version: Any) -> int:
    return int(str(version).partition(".")[0])
