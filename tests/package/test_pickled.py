"""Pickles of models: known models come back bit for bit, and nothing that a file names is ever called."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

from kervan.core.errors import Corrupted, Refused
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.formats.pickled import JoblibFormat, PickleFormat
from kervan.package.writing.native.unpickle import unpickle_model
from kervan.testing.sample import fit_sample, sample

from .every_estimator import CLASSES, ROWS, fitted, names
from .test_native import ANSWERS, NOT_STORED, assert_same

if TYPE_CHECKING:
    from collections.abc import Callable

FORMATS = {"pickle": PickleFormat, "joblib": JoblibFormat}
EVERY = sorted(set(names()) - NOT_STORED)


def joblib_bytes(model: Any) -> bytes:
    file = io.BytesIO()
    joblib.dump(model, file)
    return file.getvalue()


WRITERS: dict[str, Callable[[Any], bytes]] = {
    **{
        f"protocol {number}": lambda model, number=number: pickle.dumps(model, number)
        for number in (0, 2, 4, 5)
    },
    "joblib": joblib_bytes,
}


@pytest.mark.sampled
@pytest.mark.parametrize("name", EVERY)
def test_every_estimator_comes_back_from_every_protocol(name: str) -> None:
    model, rows = fitted(name)
    for write in WRITERS.values():
        again = unpickle_model(write(model), "here")
        assert type(again) is type(model)
        if any(hasattr(model, way) for way in ANSWERS):
            assert_same(model, again, rows, name)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("family", ["linear", "forest", "boosting"])
def test_a_file_answers_bit_for_bit(name: str, family: str, tmp_path: Path) -> None:
    model, signature, matrix = fit_sample(family, "multi")
    original = Fitted(model, signature)
    FORMATS[name]().save(original, tmp_path)
    again = FORMATS[name]().load(tmp_path, signature)
    np.testing.assert_array_equal(again.predict(matrix), original.predict(matrix))


@pytest.mark.parametrize(
    "compress", [("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3), ("lz4", 3), 0]
)
def test_joblib_is_read_in_every_compression(compress: Any, tmp_path: Path) -> None:
    model, signature, matrix = fit_sample("tree", "binary")
    joblib.dump(model, tmp_path / "model.joblib", compress=compress)
    again = JoblibFormat().load(tmp_path, signature)
    np.testing.assert_array_equal(again.predict(matrix), Fitted(model, signature).predict(matrix))


def test_what_is_the_users_own_is_refused_when_it_is_written(tmp_path: Path) -> None:
    _, signature, _ = sample("binary")
    model = FunctionTransformer(lambda rows: rows)
    for adapter in FORMATS.values():
        with pytest.raises(Refused, match="lambda"):
            adapter().save(Fitted(model, signature), tmp_path)
    assert not list(tmp_path.iterdir())


class Call:
    """Calls a function with arguments when it is unpickled."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> Any:
        return self.function, self.arguments


def attacks(marker: Path) -> dict[str, bytes]:
    """Pickles that make the file `marker` where they are loaded by Python's own machine."""
    path = str(marker)
    code = f"open({path!r}, 'w').close()"
    with_state = LogisticRegression().fit(ROWS, CLASSES)
    with_state.extra = Call(exec, code)
    plain = {
        "eval": Call(eval, code),
        "exec": Call(exec, code),
        "folder": Call(os.mkdir, path),
        "run": Call(subprocess.run, ["touch", path]),
        "touch": Call(Path.touch, marker),
        "in a model": with_state,
        "in a list": [1, [2, {"a": Call(exec, code)}]],
        "array": np.array([Call(exec, code)], dtype=object),
    }
    found = {
        f"{name} {number}": pickle.dumps(call, number) for name, call in plain.items() for number in (0, 2, 4)
    }
    found["joblib"] = joblib_bytes(with_state)
    found["broken afterwards"] = pickle.dumps(Call(exec, code))[:-1] + b"\xff\xff"
    found["by resolve_name"] = b"cpkgutil\nresolve_name\n(Vbuiltins:exec\ntR(V" + code.encode() + b"\ntR."
    found["by getattr"] = b"cbuiltins\ngetattr\n(cbuiltins\n__dict__\nVexec\ntR."
    found["by INST"] = b"(V" + code.encode() + b"\nibuiltins\nexec\n."
    found["by OBJ"] = b"(cbuiltins\nexec\nV" + code.encode() + b"\no."
    found["a name in parts"] = (
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c"
        + bytes([len(path) + 6])
        + b"touch "
        + path.encode()
        + b"\x85R."
    )
    found["by a number"] = b"\x80\x02\x82\x01."
    found["a class called"] = b"csklearn.linear_model._logistic\nLogisticRegression\n(tR."
    found["a method"] = b"csklearn.pipeline\nPipeline.fit\n."
    found["numpy's own loader"] = b"cnumpy\nload\n(V" + path.encode() + b"\ntR."
    found["a test's function"] = b"csklearn.utils._testing\nassert_run_python_script_without_output\n(V1\ntR."
    found["by state"] = (
        b"csklearn.linear_model._logistic\nLogisticRegression\n)\x81}(V__class__\ncbuiltins\nexec\nub."
    )
    return found


@pytest.mark.parametrize("name", sorted(attacks(Path("x"))))
def test_nothing_that_a_pickle_names_is_called(name: str, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    content = attacks(marker)[name]
    with pytest.raises((Refused, Corrupted)):
        unpickle_model(content, "here")
    (tmp_path / "model.pkl").write_bytes(content)
    (tmp_path / "model.joblib").write_bytes(content)
    _, signature, _ = sample("binary")
    for adapter in FORMATS.values():
        with pytest.raises(Corrupted) as caught:
            adapter().load(tmp_path, signature)
        assert caught.value.hint
    assert not marker.exists()


def test_the_attacks_would_work_elsewhere(tmp_path: Path) -> None:
    for place, name in enumerate(
        ["exec 0", "folder 4", "run 2", "in a model 4", "by resolve_name", "broken afterwards"]
    ):
        marker = tmp_path / str(place)
        with contextlib.suppress(pickle.UnpicklingError):
            pickle.loads(attacks(marker)[name])
        assert marker.exists(), name


@pytest.mark.parametrize("seed", range(60))
def test_a_broken_pickle_is_refused_or_answers(seed: int) -> None:
    chance = np.random.default_rng(seed)
    model = DecisionTreeClassifier(max_depth=3).fit(ROWS, CLASSES)
    for write in WRITERS.values():
        content = bytearray(write(model))
        for _ in range(chance.integers(1, 4)):
            content[chance.integers(len(content))] = chance.integers(256)
        outcome = _outcome(bytes(content[: chance.integers(len(content) // 2, len(content) + 1)]))
        assert outcome is None or len(outcome) == len(ROWS)


def _outcome(content: bytes) -> Any:
    try:
        return unpickle_model(content, "here").predict(ROWS)
    except (Refused, Corrupted):
        return None
    except Exception:  # noqa: BLE001  what answers wrongly is found by `ModelPredictor`
        return None
