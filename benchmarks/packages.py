"""A forest as C beside two other writers of C, and a row's latency in each way of scoring it."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.forest import TREES, fit_forest
from benchmarks.measure import alternating, note, show, timed
from benchmarks.peers import python_of, seconds_of
from kervan.core.plugins import plugin
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.writing.fitted import Fitted

HERE = Path(__file__).parent
ROWS = 1_000
REPEATS = 2_000
COMPILER = ("gcc", "-O2", "-fPIC")
OUR_ROW = """
#include "model.h"
void score_row(const double *x, double *y) { model_score(x, y); }
"""
LOOPS = """
void score_row(const double *x, double *y);
void score_rows(const double *x, double *y, long rows, long width, long outputs) {
    for (long i = 0; i < rows; i++) score_row(x + i * width, y + i * outputs);
}
void score_again(const double *x, double *y, long times) {
    for (long i = 0; i < times; i++) score_row(x, y);
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """C that was written and compiled: how large it is, how long that took, and what answers."""

    source: int
    binary: int
    seconds: float
    library: Any


def main(runs: int) -> None:
    """Measure what is written, then how fast it answers."""
    print("\n== packages")
    if shutil.which("gcc") is None:
        note("skipped: gcc is not installed")
        return
    forest = fit_forest()
    matrix = digits()
    with tempfile.TemporaryDirectory() as scratch:
        found = {"kervan": compiled(ours(forest, Path(scratch) / "kervan"))}
        for name, folder in peers(Path(scratch)).items():
            found[name] = compiled(folder)
        report(found, forest, matrix)
        latency(found, matrix, runs)
        beside_others(forest, found["kervan"], matrix, runs)


def digits() -> Any:
    from sklearn.datasets import load_digits

    return np.ascontiguousarray(load_digits().data[:ROWS], dtype=np.float64)


def signature() -> Signature:
    inputs = tuple(Column(name=f"pixel {place}", type=Type.NUMBER) for place in range(64))
    output = Column(name="digit", type=Type.CATEGORY, allowed=tuple("0123456789"))
    return Signature(inputs=Schema(inputs), output=output)


def ours(forest: Any, folder: Path) -> Path:
    folder.mkdir()
    plugin("format", "c").save(Fitted(forest, signature()), folder)
    (folder / "row.c").write_text(OUR_ROW)
    return folder


def peers(scratch: Path) -> dict[str, Path]:
    folders = {}
    for name in ("m2cgen", "tl2cgen"):
        python = python_of(name)
        if python is None:
            continue
        folder = scratch / name
        folder.mkdir()
        try:
            seconds_of(python, HERE / "c_of_peer.py", name, str(folder))
        except subprocess.CalledProcessError as error:
            note(f"skipped: {name} cannot write the forest: {error.stderr.decode().strip().splitlines()[-1]}")
            continue
        folders[name] = folder
    return folders


def compiled(folder: Path) -> Compiled:
    (folder / "loops.c").write_text(LOOPS)
    written = [path for path in folder.glob("*.[ch]") if path.name not in {"row.c", "loops.c"}]
    sources = [str(path) for path in written if path.suffix == ".c"]
    subprocess.run([*COMPILER, "-c", "row.c", "loops.c"], cwd=folder, check=True, capture_output=True)
    with timed() as watch:
        subprocess.run([*COMPILER, "-c", *sources], cwd=folder, check=True, capture_output=True)
    objects = [str(path) for path in folder.glob("*.o")]
    subprocess.run([*COMPILER, "-shared", *objects, "-lm", "-o", "model.so"], cwd=folder, check=True)
    said = subprocess.run(
        ["size", *(str(folder / f"{Path(source).stem}.o") for source in sources)],
        capture_output=True,
        check=True,
    )
    binary = sum(int(line.split()[3]) for line in said.stdout.decode().splitlines()[1:])
    return Compiled(
        source=sum(path.stat().st_size for path in written),
        binary=binary,
        seconds=watch.seconds,
        library=ctypes.CDLL(str(folder / "model.so")),
    )


def report(found: dict[str, Compiled], forest: Any, matrix: Any) -> None:
    wanted = forest.predict_proba(matrix)
    print(f"\na forest of {TREES} trees on 64 columns and 10 classes as C (gcc -O2)")
    print(f"  {'':<8}  {'source':>12}  {'object':>12}  {'compiled in':>11}  largest difference")
    for name, each in found.items():
        difference = np.abs(score(each, matrix) - wanted).max()
        sizes = f"{each.source:>10,} B  {each.binary:>10,} B"
        print(f"  {name:<8}  {sizes}  {each.seconds:>9.2f} s  {difference:.2g}")


def score(each: Compiled, matrix: Any) -> Any:
    answers = np.zeros((len(matrix), 10))
    each.library.score_rows(
        address(matrix), address(answers), *(ctypes.c_long(size) for size in (len(matrix), 64, 10))
    )
    return answers


def address(array: Any) -> Any:
    return array.ctypes.data_as(ctypes.c_void_p)


def latency(found: dict[str, Compiled], matrix: Any, runs: int) -> None:
    answers = np.zeros(10)

    def again(each: Compiled) -> float:
        arguments = (address(matrix), address(answers), ctypes.c_long(REPEATS))
        with timed() as watch:
            each.library.score_again(*arguments)
        return watch.seconds / REPEATS * 1e6

    ones = {name: lambda each=each: again(each) for name, each in found.items()}
    show("the same row again and again, in C", alternating(ones, runs), "µs a row")
    show("1,000 different rows, in C", alternating(batches(found, matrix), runs), "µs a row")


def batches(found: dict[str, Compiled], matrix: Any) -> dict[str, Callable[[], float]]:
    return {
        name: lambda each=each: seconds(lambda: score(each, matrix)) / len(matrix) * 1e6
        for name, each in found.items()
    }


def seconds(action: Callable[[], Any]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def beside_others(forest: Any, own: Compiled, matrix: Any, runs: int) -> None:
    """Compare with ONNX Runtime, the native format and scikit-learn, all asked from Python."""
    fitted = Fitted(forest, signature())
    narrow = matrix.astype(np.float32)
    ways = {
        "C": lambda rows: score(own, rows.astype(np.float64)),
        "ONNX Runtime": answering("onnx", fitted),
        "native": answering("native", fitted),
        "scikit-learn": fitted.predict,
    }
    for count in (1, ROWS):
        contenders = {
            name: lambda way=way, count=count: best_of_some(lambda: way(narrow[:count])) * 1e6
            for name, way in ways.items()
        }
        show(
            f"{count:,} row{'s' if count > 1 else ''}, asked from Python", alternating(contenders, runs), "µs"
        )
    note("scikit-learn checks its input at every call; the C code checks nothing but what it is handed.")


def answering(name: str, fitted: Fitted) -> Callable[[Any], Any]:
    """Write the forest in a format, and return what answers from it."""
    adapter = plugin("format", name)
    with tempfile.TemporaryDirectory() as folder:
        adapter.save(fitted, Path(folder))
        return adapter.load(Path(folder), fitted.signature).predict


def best_of_some(action: Callable[[], Any], times: int = 5) -> float:
    return min(seconds(action) for _ in range(times))
