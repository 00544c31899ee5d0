"""Functions of the user's that are part of a model, `@kervan.feature`, and the files in which they travel.

A model names such a function and the hash of its file. The file's text is in the process that trains, and in
the package; what was not admitted by that hash does not run, whatever a model says.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from kervan.core.errors import InvalidConfig, NotFound, Refused, did_you_mean
from kervan.core.identity import sha256
from kervan.core.imported import imported, is_installed
from kervan.core.telling import telling

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kervan.core.features import Feature

_CALL = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
_SETTING = "[[model.features]] call"
_texts: dict[str, str] = {}  # of files whose functions may run in this process, by their hash
_loading = Lock()
_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Source:
    """Where a function is found: `call` is `module:name`, `code` the hash of the file's text."""

    call: str
    code: str


@dataclass(frozen=True, slots=True)
class OwnFeature:
    """A function that makes a column of others: its name, and the columns that it gets. It can be called."""

    function: Callable[..., Any]
    name: str
    of: tuple[str, ...]

    def __call__(self, *columns: Any) -> Any:
        """Call the function."""
        return self.function(*columns)

    def source(self) -> Source:
        """Admit the function's file, of one that was typed in the function alone, and say where it is found.

        Raises `InvalidConfig` for one that cannot travel.
        """
        from kervan.core.typed_in import is_typed_in, source_of

        if is_typed_in(self):
            return Source(call=f"notebook:{self.function.__name__}", code=admit(source_of(self)))
        file = Path(sys.modules[self.function.__module__].__file__ or "")
        return Source(call=f"{file.stem}:{self.function.__name__}", code=admit(_text_of(file)))


@overload
def feature(function: Callable[..., Any], /) -> OwnFeature: ...
@overload
def feature(*, name: str = "", of: Iterable[str] = ()) -> Callable[[Callable[..., Any]], OwnFeature]: ...
def feature(function: Callable[..., Any] | None = None, /, *, name: str = "", of: Iterable[str] = ()) -> Any:
    """Make a feature of a function that gets whole columns, by the names of its arguments, or those `of`.

    It gets NumPy arrays that it may not change: of numbers float64 with NaN for a missing one (whole numbers
    beyond 2^53 are rounded), of truths float64 with 0, 1 and NaN, of categories objects with None for one
    that is missing or was not there in training, of dates datetime64[D] and of times datetime64[us], in UTC,
    with NaT; a free text, objects too, comes alone. It returns an array of as many numbers or booleans, NaN
    for what has no answer, and gives each row what it gives the row alone: in production a row comes alone.

    >>> import numpy as np
    >>> @feature
    ... def distance(x, y):
    ...     return np.hypot(x, y)
    >>> distance.of, float(distance(np.array([3.0]), np.array([4.0]))[0])
    (('x', 'y'), 5.0)
    """

    def wrap(function: Callable[..., Any]) -> OwnFeature:
        wanted = ((of,) if isinstance(of, str) else tuple(of)) or _arguments(function)
        return OwnFeature(function, name or function.__name__, wanted)

    return wrap if function is None else wrap(function)


def file_of(call: str) -> str:
    """Return the file that `module:name` names, "" if it names none.

    >>> file_of("places.geo:distance"), file_of("distance")
    ('places/geo.py', '')
    """
    module = call.partition(":")[0]
    return f"{module.replace('.', '/')}.py" if _CALL.fullmatch(call) else ""


def admit(text: str) -> str:
    """Let the functions of a file run in this process, and return its hash."""
    code = sha256(text.encode())
    _texts[code] = text
    return code


def admit_all(texts: Mapping[str, str]) -> None:
    """Let the functions of several files run in this process."""
    for text in texts.values():
        admit(text)


def texts_of(features: Iterable[Feature]) -> dict[str, str]:
    """Return the texts of the files of features that are functions, by their hashes."""
    return {each.code: _texts[each.code] for each in features if each.call}


def located(features: Iterable[Feature], folder: Path) -> tuple[Feature, ...]:
    """Return features of which those that are functions know their file's hash and their columns.

    Raises `NotFound` without the file, and `InvalidConfig` for one that fails, has no such function, or
    imports what lies beside it, which would not travel.
    """
    return tuple(_located(each, folder) if each.call and not each.code else each for each in features)


def own_feature(call: str, code: str) -> OwnFeature:
    """Return a function that a model names.

    Raises `Refused` for one that was not admitted, and `InvalidConfig` if its file fails.
    """
    marked = {name: each for name, each in vars(_module(call, code)).items() if isinstance(each, OwnFeature)}
    wanted = call.partition(":")[2]
    if wanted not in marked:
        raise InvalidConfig(
            f"{_SETTING}: {file_of(call)} has no function {wanted!r} marked with @kervan.feature",
            hint=did_you_mean(wanted, marked) if marked else "write `@kervan.feature` above the function",
        )
    return marked[wanted]


def _located(feature: Feature, folder: Path) -> Feature:
    path = folder / file_of(feature.call)
    code = admit(_text_of(path))
    own = own_feature(feature.call, code)
    of = feature.of or own.of
    if not _takes(own.function, len(of)):
        raise InvalidConfig(
            f"[[model.features]] {feature.name!r}: {feature.call} does not take {len(of)} columns",
            hint="name as many in `of` as it has arguments without a default",
        )
    return replace(feature, code=code, of=of)


def _takes(function: Callable[..., Any], columns: int) -> bool:
    import inspect

    try:
        inspect.signature(function).bind(*[None] * columns)
    except TypeError:
        return False
    return True


def _text_of(path: Path) -> str:
    """Return the text of a file that stands alone."""
    if not path.is_file():
        raise NotFound(f"{_SETTING}: there is no file {path}", hint="name a file beside kervan.toml")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidConfig(f"{_SETTING}: {path.name} is not UTF-8", hint="save it as UTF-8") from error
    with telling(path, "it cannot be loaded"):
        names = imported(text, str(path))
    for name in names:
        if not name or _lies_beside(path, name):
            raise InvalidConfig(
                f"{_SETTING}: {path.name} imports {name or 'by a dot'}, which lies beside it, and one file "
                "travels with the model",
                hint="put what the function needs into its own file, or install it",
            )
    return text


def _lies_beside(path: Path, name: str) -> bool:
    places = (path.parent / f"{name}.py", path.parent / name / "__init__.py")
    return any(place.is_file() for place in places) and not is_installed(name)


def _module(call: str, code: str) -> ModuleType:
    """Return the module of an admitted file; it runs once in a process."""
    if code not in _texts:
        raise Refused(
            f"{call} is Python code that came with a model, and nobody allowed it to run here",
            hint=f"read it first, then allow it by name: --allow {call}",
        )
    name = f"kervan_feature_{code}"
    with _loading:
        if name not in sys.modules:
            module = ModuleType(name)
            path = Path(file_of(call))
            sys.modules[name] = module  # dataclasses look for it there
            try:
                with telling(path, "it cannot be loaded"):
                    program = compile(_texts[code], str(path), "exec", dont_inherit=True)
                    exec(program, vars(module))  # noqa: S102 - it was admitted
            except BaseException:
                del sys.modules[name]
                raise
        return sys.modules[name]


def _arguments(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of the arguments that have to be given."""
    import inspect

    given = inspect.signature(function).parameters.values()
    needed = [each for each in given if each.default is each.empty]
    plain = [each for each in needed if each.kind in {each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD}]
    if not needed or plain != needed:
        raise InvalidConfig(
            f"@kervan.feature: the arguments of {function.__name__} name no columns",
            hint='def distance(x, y), or @kervan.feature(of=["from x", "to x"])',
        )
    return tuple(each.name for each in needed)
