"""Every adapter of ours passes the suite of its port."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import polars as pl
import pyarrow
import pytest
import xlsxwriter
from pyarrow import feather
from sklearn.dummy import DummyClassifier
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from kervan.core.plugins import TABLE, plugin
from kervan.core.ports import Format, Predictor, Source, Target, Wire
from kervan.core.schema import Signature, Type
from kervan.testing import FormatSuite, SourceSuite, TargetSuite, WireSuite
from kervan.testing.sample import fit_sample, sample
from package.code.tools import needing_tools

pytestmark = pytest.mark.sampled


class TestCsv(SourceSuite):
    row = ("source", "csv")
    name = "tablo ı.csv"

    def adapter(self) -> Source:
        return plugin(*self.row)

    def write(self, table: pl.DataFrame, path: Path) -> None:
        table.write_csv(path)


class TestParquet(SourceSuite):
    row = ("source", "parquet")
    name = "tablo ı.parquet"

    def adapter(self) -> Source:
        return plugin(*self.row)

    def write(self, table: pl.DataFrame, path: Path) -> None:
        table.write_parquet(path)


class TestArrow(SourceSuite):
    row = ("source", "arrow")
    name = "tablo ı.feather"

    def adapter(self) -> Source:
        return plugin(*self.row)

    def write(self, table: pl.DataFrame, path: Path) -> None:
        with pyarrow.OSFile(str(path), "wb") as file:
            self.write_arrow(table.to_arrow(), file)

    def write_arrow(self, table: pyarrow.Table, file: Any) -> None:
        feather.write_feather(table, file, compression="zstd")


class TestArrowStream(TestArrow):
    name = "tablo ı.arrows"

    def write_arrow(self, table: pyarrow.Table, file: Any) -> None:
        with pyarrow.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table)


class TestAvro(SourceSuite):
    row = ("source", "avro")
    name = "tablo ı.avro"
    exceptions = {"test_a_table_without_rows_keeps_its_columns": "Polars refuses a file without a block"}  # noqa: RUF012
    kinds = {pl.Int64: "long", pl.Float64: "double", pl.Boolean: "boolean", pl.String: "string"}  # noqa: RUF012

    def adapter(self) -> Source:
        return plugin(*self.row)

    def table(self) -> pl.DataFrame:
        """Return it with the names that Avro allows: letters, digits and underscores of ASCII."""
        return super().table().rename(lambda name: re.sub(r"\W", "_", name, flags=re.ASCII))

    def write(self, table: pl.DataFrame, path: Path) -> None:
        day = {"type": "int", "logicalType": "date"}
        fields = [
            {"name": name, "type": ["null", self.kinds.get(type(kind), day)]}
            for name, kind in table.schema.items()
        ]
        schema = {"type": "record", "name": "row", "fields": fields}
        with path.open("wb") as file:
            fastavro.writer(file, schema, table.to_dicts(), codec="deflate")


class TestWorkbook(SourceSuite):
    row = ("source", "excel")
    name = "tablo ı.xlsx"

    def adapter(self) -> Source:
        return plugin(*self.row)

    def write(self, table: pl.DataFrame, path: Path) -> None:
        with xlsxwriter.Workbook(path) as book:
            sheet, day = book.add_worksheet("tablo"), book.add_format({"num_format": "yyyy-mm-dd"})
            for row, values in enumerate([table.columns, *table.rows()]):
                for column, value in enumerate(values):
                    sheet.write(row, column, value, *([day] if isinstance(value, date) else []))


class TestJson(SourceSuite):
    row = ("source", "json")
    name = "tablo ı.json"
    exceptions = {"test_a_table_without_rows_keeps_its_columns": "rows name the columns"}  # noqa: RUF012

    def adapter(self) -> Source:
        return plugin(*self.row)

    def write(self, table: pl.DataFrame, path: Path) -> None:
        path.write_text(json.dumps(table.to_dicts(), default=str), encoding="utf-8")


class TestJsonOfColumns(TestJson):
    exceptions = {}  # noqa: RUF012

    def write(self, table: pl.DataFrame, path: Path) -> None:
        path.write_text(json.dumps(table.to_dict(as_series=False), default=str, indent=1), encoding="utf-16")


class TestNdjson(TestJson):
    name = "tablo ı.ndjson"

    def write(self, table: pl.DataFrame, path: Path) -> None:
        lines = [json.dumps(row, default=str, ensure_ascii=False) for row in table.to_dicts()]
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


class TestOnnx(FormatSuite):
    row = ("format", "onnx")

    def adapter(self) -> Format:
        return plugin(*self.row)

    def inexpressible(self) -> tuple[Any, Signature]:
        matrix, signature, truth = sample("binary")
        return DummyClassifier(strategy="uniform").fit(matrix, truth), signature


class TestMlflow(TestOnnx):
    row = ("format", "mlflow")


class TestSafetensors(TestOnnx):
    row = ("format", "safetensors")


@pytest.mark.service
class CodeSuite(FormatSuite):
    row = ("format", "")
    is_code = True

    def adapter(self) -> Format:
        return plugin(*self.row)

    def predictors(self, folder: Path, signature: Signature) -> Mapping[str, Predictor]:
        with needing_tools():
            return super().predictors(folder, signature)


class TestC(CodeSuite):
    row = ("format", "c")


class TestPython(CodeSuite):
    row = ("format", "python")


class TestJavaScript(CodeSuite):
    row = ("format", "javascript")


class TestJava(CodeSuite):
    row = ("format", "java")


class TestPojo(CodeSuite):
    row = ("format", "pojo")
    models = ("linear", "boosting")  # of what Java computes


class TestRust(CodeSuite):
    row = ("format", "rust")


class TestGo(CodeSuite):
    row = ("format", "go")


class FormulaSuite(FormatSuite):
    """Formulas: hundreds of trees are too large for them."""

    row = ("format", "")
    is_code = True
    models = ("linear", "tree", "baseline")

    def adapter(self) -> Format:
        return plugin(*self.row)

    def inexpressible(self) -> tuple[Any, Signature]:
        model, signature, _ = fit_sample("neighbours", "binary")
        return model, signature


class TestSqlite(FormulaSuite):
    row = ("format", "sqlite")


class TestDuckdb(FormulaSuite):
    row = ("format", "duckdb")


class TestBigquery(FormulaSuite):
    row = ("format", "bigquery")


@pytest.mark.service
class SparkSuite(FormulaSuite):
    models = ("linear", "tree", "boosting", "baseline")

    @pytest.fixture(autouse=True)
    def _session(self, spark: object) -> None:
        pass


class TestSpark(SparkSuite):
    row = ("format", "spark")


class TestSparkml(SparkSuite):
    row = ("format", "sparkml")


@pytest.mark.service
class TestPostgresql(FormulaSuite):
    row = ("format", "postgresql")

    @pytest.fixture(autouse=True)
    def _database(self, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KERVAN_PROOF_POSTGRESQL", postgres_url.replace("+psycopg", ""))


@pytest.mark.service
class TestMysql(FormulaSuite):
    row = ("format", "mysql")

    @pytest.fixture(autouse=True)
    def _database(self, mysql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KERVAN_PROOF_MYSQL", mysql_url)


@pytest.mark.service
@pytest.mark.skipif(shutil.which("java") is None, reason="PMML4S needs Java: apt-get install default-jre")
class TestPmml(FormulaSuite):
    row = ("format", "pmml")
    models = ("linear", "tree", "boosting", "forest", "baseline")


@pytest.mark.service
class TestMojo(FormulaSuite, CodeSuite):
    row = ("format", "mojo")
    models = ("linear", "tree", "forest", "boosting")


class TestPfa(FormulaSuite):
    row = ("format", "pfa")
    models = ("linear", "tree", "boosting", "forest", "baseline")


@pytest.mark.service
class TestCoreml(FormulaSuite):
    row = ("format", "coreml")
    models = ("linear", "tree", "boosting", "forest")


@pytest.mark.service
class TestExcel(FormulaSuite, CodeSuite):
    row = ("format", "excel")


@pytest.mark.service
class TestExecuTorch(CodeSuite):
    row = ("format", "executorch")
    models = ("linear", "tree", "boosting")


@pytest.mark.service
class TestTorchScript(CodeSuite):
    row = ("format", "torchscript")


@pytest.mark.service
class TestTorchExport(CodeSuite):
    row = ("format", "torch-export")


@pytest.mark.service
class TestOpenvino(CodeSuite):
    row = ("format", "openvino")


@pytest.mark.service
class TestTreelite(FormulaSuite):
    row = ("format", "treelite")
    models = ("tree", "forest", "boosting")
    changes = ("threshold",)  # the others are made to linear models


class NativeSuite(FormatSuite):
    changes = ()  # they are made to the neutral form, from which these formats do not write

    def adapter(self) -> Format:
        return plugin(*self.row)

    def inexpressible(self) -> tuple[Any, Signature]:
        matrix, signature, truth = sample("binary")
        own = FunctionTransformer(lambda rows: rows)
        return make_pipeline(own, DummyClassifier()).fit(matrix, truth), signature


class TestNative(NativeSuite):
    row = ("format", "native")


class TestPickle(NativeSuite):
    row = ("format", "pickle")


class TestJoblib(NativeSuite):
    row = ("format", "joblib")


@pytest.mark.service
class TestKeras(CodeSuite):
    row = ("format", "keras")


@pytest.mark.service
class TestHdf5(CodeSuite):
    row = ("format", "hdf5")


@pytest.mark.service
class TestLitert(CodeSuite):
    row = ("format", "litert")

    def inexpressible(self) -> tuple[Any, Signature]:
        matrix, signature, truth = sample("binary")
        return GaussianProcessClassifier().fit(np.nan_to_num(matrix[:50]), truth[:50]), signature


@pytest.mark.service
class TestSavedModel(CodeSuite):
    row = ("format", "savedmodel")


class TestPredict(WireSuite):
    row = ("protocol", "predict")

    def adapter(self) -> Wire:
        return plugin(*self.row)

    def request(self, rows: Sequence[Mapping[str, Any]], signature: Signature) -> bytes:
        return json.dumps({"features": list(rows)}, ensure_ascii=False).encode()

    def answers(self, body: bytes) -> list[Any]:
        predictions = json.loads(body)["predictions"]
        return [one["label"] if "label" in one else one["value"] for one in predictions]


DATATYPES = {Type.INTEGER: "INT64", Type.NUMBER: "FP64", Type.BOOLEAN: "BOOL", Type.CATEGORY: "BYTES"}


class TestInferenceV2(WireSuite):
    row = ("protocol", "inference-v2")

    def adapter(self) -> Wire:
        return plugin(*self.row)

    def request(self, rows: Sequence[Mapping[str, Any]], signature: Signature) -> bytes:
        tensors = [
            {
                "name": column.name,
                "shape": [len(rows), 1],
                "datatype": DATATYPES[column.type],
                "data": [row[column.name] for row in rows],
            }
            for column in signature.inputs
        ]
        return json.dumps({"inputs": tensors}).encode()

    def answers(self, body: bytes) -> list[Any]:
        return list(json.loads(body)["outputs"][0]["data"])


class TestInvocations(WireSuite):
    row = ("protocol", "invocations")

    def adapter(self) -> Wire:
        return plugin(*self.row)

    def request(self, rows: Sequence[Mapping[str, Any]], signature: Signature) -> bytes:
        names = signature.inputs.names
        data = [[row[name] for name in names] for row in rows]
        return json.dumps({"dataframe_split": {"columns": names, "data": data}}).encode()

    def answers(self, body: bytes) -> list[Any]:
        return list(json.loads(body)["predictions"])


class TestSeldon(WireSuite):
    row = ("protocol", "seldon")

    def adapter(self) -> Wire:
        return plugin(*self.row)

    def request(self, rows: Sequence[Mapping[str, Any]], signature: Signature) -> bytes:
        names = signature.inputs.names
        return json.dumps({"data": {"names": names, "ndarray": [[*row.values()] for row in rows]}}).encode()

    def answers(self, body: bytes) -> list[Any]:
        data = json.loads(body)["data"]
        names = data["names"]
        if names == ["value"]:
            return [value for (value,) in data["ndarray"]]
        return [names[row.index(max(row))] for row in data["ndarray"]]


class TestTensorFlowServing(WireSuite):
    row = ("protocol", "tensorflow-serving")

    def adapter(self) -> Wire:
        return plugin(*self.row)

    def request(self, rows: Sequence[Mapping[str, Any]], signature: Signature) -> bytes:
        return json.dumps({"instances": list(rows)}).encode()

    def answers(self, body: bytes) -> list[Any]:
        predictions = json.loads(body)["predictions"]
        return [one["label"] if isinstance(one, dict) else one for one in predictions]


class TestLocal(TargetSuite):
    is_here = True
    row = ("target", "local")

    def adapter(self) -> Target:
        return plugin(*self.row)


SUITES = (
    TestCsv,
    TestParquet,
    TestArrow,
    TestAvro,
    TestWorkbook,
    TestJson,
    TestOnnx,
    TestMlflow,
    TestC,
    TestPython,
    TestJavaScript,
    TestJava,
    TestPojo,
    TestMojo,
    TestRust,
    TestSqlite,
    TestDuckdb,
    TestBigquery,
    TestSpark,
    TestSparkml,
    TestPostgresql,
    TestMysql,
    TestPmml,
    TestPfa,
    TestExcel,
    TestCoreml,
    TestGo,
    TestSafetensors,
    TestOpenvino,
    TestTreelite,
    TestExecuTorch,
    TestTorchScript,
    TestTorchExport,
    TestNative,
    TestPickle,
    TestJoblib,
    TestKeras,
    TestHdf5,
    TestLitert,
    TestSavedModel,
    TestPredict,
    TestInferenceV2,
    TestInvocations,
    TestSeldon,
    TestTensorFlowServing,
    TestLocal,
)


# A service is a wire whose messages end anywhere and have no missing values: tests/serve has tests of theirs.
# Other targets than this machine are held to their suite in tests/deploy/targets,
# connectors in test_our_connectors.py.
HELD = [row for row in TABLE if row.kind not in {"connector", "service", "target"} or row.name == "local"]


@pytest.mark.parametrize("row", HELD, ids=lambda row: f"{row.kind}-{row.name}")
def test_every_row_of_the_table_is_covered(row: Any) -> None:
    assert (row.kind, row.name) in {suite.row for suite in SUITES}
