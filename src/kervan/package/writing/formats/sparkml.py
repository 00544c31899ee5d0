"""Spark ML: a pipeline over a data frame of the original columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import Corrupted, Refused
from kervan.core.ports import About
from kervan.package.writing.scalar.sql_formulas import free_name
from kervan.package.writing.spark.engine import Question, SparkPredictor, check_java
from kervan.package.writing.spark.pipeline import write_pipeline

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kervan.core.ports import Fitted, Predictor
    from kervan.core.schema import Signature

FOLDER = "pipeline"


class SparkmlFormat:
    """A model as a pipeline of Spark ML, whose one stage is a statement of SQL."""

    requires = ("pyspark",)
    about = About(
        title="Spark ML pipeline",
        extension="folder",
        licence="Apache-2.0",
        readers="Spark 4, from Python, Scala and Java",
        text=True,
        is_code=True,
    )

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write the pipeline. Raises `Refused` for a model that needs sorting or searching."""
        write_pipeline(fitted.form, folder / FOLDER)

    def load(self, folder: Path, signature: Signature) -> Predictor:
        """Refuse: a pipeline is run by Spark."""
        raise Refused(
            f"{folder / FOLDER} is run by Spark, not by Kervan", hint="serve the model in the format `onnx`"
        )

    def check_ready(self) -> None:
        """Raise `MissingTool` without Java."""
        check_java()

    def scorers(self, folder: Path, signature: Signature) -> Mapping[str, Predictor]:
        """Return Spark, over a frame that has a column of its own beside the model's."""
        place = folder / FOLDER
        if not place.is_dir():
            raise Corrupted(f"{place} is missing", hint="package the model again")
        key = free_name("row_key", signature)
        question = Question(signature=signature, key=key, pipeline=str(place.resolve()))
        return {"": SparkPredictor(question, place)}
