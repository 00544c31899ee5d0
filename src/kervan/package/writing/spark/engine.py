"""Spark in another process: its virtual machine, the gateway to that, and what both log stay there.

`python -m kervan.package.writing.spark.engine FOLDER` answers matrices as `kervan.package.writing.child`
tells, each by the model that `FOLDER/question.json` names at that time: starting Spark takes longer than most
proofs.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec
import numpy as np

from kervan.core.errors import Corrupted, MissingTool
from kervan.core.plugins import extras_named
from kervan.core.schema import Signature, Type
from kervan.package.writing.child import Child, serve
from kervan.package.writing.rows import decode_rows
from kervan.package.writing.scalar.sql import TABLE
from kervan.package.writing.scalar.sql_answers import answers_of, width_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from kervan.core.ports import Matrix

_QUESTION = "question.json"
_LONGEST = 300  # characters of what Spark says, which goes on for pages
_NO_JAVA = "JAVA_GATEWAY_EXITED"
_JAVA = "install Java 17 or later, or let JAVA_HOME name one"
_AGAIN = "package the model again"
# What would let another Spark start, or this one elsewhere.
_OTHERS = (
    "PYSPARK_GATEWAY_PORT",
    "PYSPARK_SUBMIT_ARGS",
    "SPARK_CONF_DIR",
    "SPARK_CONNECT_MODE_ENABLED",
    "SPARK_HOME",
    "SPARK_REMOTE",
)
_SETTINGS = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.log.level": "OFF",
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
_SHORT_LIFE = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData"  # begins sooner, and leaves no file
_running: weakref.WeakSet[Engine] = weakref.WeakSet()  # one at most that lives


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Rows of the signature's columns, after a `key`, are put to a query over `input`, or else to a pipeline.

    `pipeline` is its folder. The last columns of the answer are the numbers that are asked for.
    """

    signature: Signature
    key: str
    query: str = ""
    pipeline: str = ""


def check_java() -> None:
    """Raise `MissingTool` without Java."""
    if shutil.which("java") is None and not os.environ.get("JAVA_HOME"):
        raise MissingTool("Spark runs on a Java virtual machine", hint=_JAVA)


class Engine:
    """A session of Spark, which starts with the first question and ends with the last that holds this object.

    Raises `MissingExtra` without pyspark, `MissingTool` without Java.
    """

    def __init__(self) -> None:
        with extras_named():
            import pyspark  # noqa: F401 - the other process needs it
        check_java()
        self._folder = Path(tempfile.mkdtemp(prefix="kervan-"))
        self._child = Child(__name__, str(self._folder), environ={"TMPDIR": str(self._folder)})
        weakref.finalize(self._child, shutil.rmtree, self._folder, ignore_errors=True)
        self._one_at_a_time = threading.Lock()

    def ask(self, question: Question, matrix: Matrix) -> NDArray[np.float64]:
        """Score an encoded matrix of shape (rows, inputs).

        Raises `ValueError` with what Spark says, `Corrupted` if it did not survive the question, and
        `MissingTool` if it does not start.
        """
        with self._one_at_a_time:
            (self._folder / _QUESTION).write_bytes(msgspec.json.encode(question))
            try:
                return self._child(matrix)
            except ValueError as error:
                if _NO_JAVA in str(error):
                    raise MissingTool("Spark does not start with the installed Java", hint=_JAVA) from error
                raise
            except ChildProcessError as error:
                _running.discard(self)
                raise Corrupted(f"Spark does not survive the model: {error}", hint=_AGAIN) from error


def engine() -> Engine:
    """Return the session that is running, or a new one."""
    found = next(iter(_running), None) or Engine()
    _running.add(found)
    return found


class SparkPredictor:
    """Puts rows to what a question names, every column by its name and in any order."""

    def __init__(self, question: Question, where: Path) -> None:
        self._question = question
        self._where = where
        self._engine = engine()

    def predict(self, matrix: Matrix) -> NDArray[np.float64]:
        """Score an encoded matrix of shape (rows, inputs), after turning its codes into texts again."""
        signature = self._question.signature
        if not len(matrix):
            return answers_of([], signature)
        try:
            found = self._engine.ask(self._question, matrix)
        except ValueError as error:
            why = " ".join(str(error).split())[:_LONGEST]
            raise Corrupted(f"Spark cannot run {self._where}: {why}", hint=_AGAIN) from error
        if found.shape[1] != width_of(signature):
            raise Corrupted(f"Spark gives {found.shape[1]} numbers for a row of {self._where}", hint=_AGAIN)
        return found


def _started(folder: Path) -> Any:
    """Start a session that leaves nothing outside of a folder."""
    from pyspark.sql import SparkSession

    for name in _OTHERS:
        os.environ.pop(name, None)
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    os.chdir(folder)
    builder = SparkSession.builder.master("local[1]").appName("kervan")
    places = {
        "spark.driver.extraJavaOptions": f'{_SHORT_LIFE} "-Djava.io.tmpdir={folder}"',
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
    }
    for name, value in (_SETTINGS | places).items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def _load() -> Callable[[NDArray[np.float64]], Any]:
    from py4j.protocol import Py4JError

    folder = Path(sys.argv[1])
    session = _started(folder)

    def answer(matrix: NDArray[np.float64]) -> Any:
        question = msgspec.json.decode((folder / _QUESTION).read_bytes(), type=Question)
        try:
            return _answers(session, matrix, question)
        except (Py4JError, ConnectionError) as error:
            if _lives(session):
                raise  # that is what Spark says of the question
            _give_up(f"its virtual machine died: {type(error).__name__}")

    return answer


def _give_up(why: str) -> NoReturn:
    """End, saying why: threads of the gateway miss the virtual machine too, and would have the last word."""
    last = os.dup(2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    os.write(last, f"{why}\n".encode())
    os._exit(1)


def _lives(session: Any) -> bool:
    try:
        return bool(session.range(1).count())
    except Exception:  # noqa: BLE001  whatever it says of that, it is of no more use
        return False


def _answers(session: Any, matrix: Matrix, question: Question) -> NDArray[np.float64]:
    rows = _given(session, _frame(session, matrix, question), question).collect()
    return answers_of(rows, question.signature)


def _frame(session: Any, matrix: Matrix, question: Question) -> Any:
    from pyspark.sql import types

    kinds = {Type.CATEGORY: types.StringType(), Type.BOOLEAN: types.BooleanType()}
    fields = [types.StructField(question.key, types.IntegerType())]
    fields += [
        types.StructField(column.name, kinds.get(column.type, types.DoubleType()))
        for column in question.signature.inputs
    ]
    rows = [(key, *row) for key, row in enumerate(decode_rows(matrix, question.signature))]
    return session.createDataFrame(rows, types.StructType(fields), verifySchema=False)


def _given(session: Any, frame: Any, question: Question) -> Any:
    if question.query:
        frame.createOrReplaceTempView(TABLE)
        return session.sql(question.query)
    from pyspark.ml import PipelineModel

    with tempfile.TemporaryDirectory() as copied:  # Spark takes *, ? and [ in a path for patterns
        place = Path(copied, "pipeline")
        shutil.copytree(question.pipeline, place)
        return PipelineModel.load(str(place)).transform(frame)


if __name__ == "__main__":
    serve(_load)
