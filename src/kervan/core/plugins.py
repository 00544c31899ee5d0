"""The one table of adapters (kind and name, where the class is), and which extra brings which module.

Other distributions add adapters by entry points in the group `kervan.<kind>`.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from kervan.core.errors import BrokenPlugin, Conflict, MissingExtra, NotFound, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Plugin:
    """One adapter that can be loaded by name; `distribution` brings it, or "" for ours."""

    kind: str
    name: str
    path: str
    distribution: str = ""

    def load(self) -> Any:
        """Import the adapter and make one.

        Raises `BrokenPlugin` for one of another distribution that cannot be: whatever it raises is its own.
        """
        module, _, attribute = self.path.partition(":")
        if not self.distribution:
            return getattr(import_module(module), attribute)()
        try:
            return getattr(import_module(module), attribute)()
        except Exception as error:
            raise BrokenPlugin(
                f"the {self.kind} {self.name!r} of {self.distribution} cannot be loaded: "
                f"{type(error).__name__}: {error}",
                hint=f"install another version of {self.distribution.split()[0]}, or uninstall it",
            ) from error


TABLE = (
    Plugin("connector", "http", "kervan.data.connectors.http:HttpConnector"),
    Plugin("connector", "postgresql", "kervan.data.connectors.postgresql:PostgresqlConnector"),
    Plugin("connector", "mysql", "kervan.data.connectors.mysql:MysqlConnector"),
    Plugin("connector", "sqlite", "kervan.data.connectors.sqlite:SqliteConnector"),
    Plugin("connector", "duckdb", "kervan.data.connectors.duckdb:DuckdbConnector"),
    Plugin("connector", "bucket", "kervan.data.connectors.bucket:BucketConnector"),
    Plugin("connector", "delta", "kervan.data.connectors.delta:DeltaConnector"),
    Plugin("connector", "iceberg", "kervan.data.connectors.iceberg:IcebergConnector"),
    Plugin("connector", "spark", "kervan.data.connectors.spark:SparkConnector"),
    Plugin("connector", "sqlalchemy", "kervan.data.connectors.sqlalchemy:SqlalchemyConnector"),
    Plugin("connector", "file", "kervan.data.connectors.local:LocalConnector"),
    Plugin("source", "csv", "kervan.data.sources.csv:CsvSource"),
    Plugin("source", "arrow", "kervan.data.sources.arrow:ArrowSource"),
    Plugin("source", "avro", "kervan.data.sources.arrow:AvroSource"),
    Plugin("source", "excel", "kervan.data.sources.excel:ExcelSource"),
    Plugin("source", "json", "kervan.data.sources.json:JsonSource"),
    Plugin("source", "parquet", "kervan.data.sources.parquet:ParquetSource"),
    Plugin("format", "bigquery", "kervan.package.writing.formats.sql:BigqueryFormat"),
    Plugin("format", "c", "kervan.package.writing.formats.c:CFormat"),
    Plugin("format", "coreml", "kervan.package.writing.formats.coreml:CoremlFormat"),
    Plugin("format", "duckdb", "kervan.package.writing.formats.sql:DuckdbFormat"),
    Plugin("format", "excel", "kervan.package.writing.formats.excel:ExcelFormat"),
    Plugin("format", "executorch", "kervan.package.writing.formats.executorch:ExecuTorchFormat"),
    Plugin("format", "go", "kervan.package.writing.formats.go:GoFormat"),
    Plugin("format", "hdf5", "kervan.package.writing.formats.hdf5:Hdf5Format"),
    Plugin("format", "java", "kervan.package.writing.formats.java:JavaFormat"),
    Plugin("format", "javascript", "kervan.package.writing.formats.javascript:JavaScriptFormat"),
    Plugin("format", "joblib", "kervan.package.writing.formats.pickled:JoblibFormat"),
    Plugin("format", "keras", "kervan.package.writing.formats.keras:KerasFormat"),
    Plugin("format", "litert", "kervan.package.writing.formats.litert:LitertFormat"),
    Plugin("format", "mlflow", "kervan.package.writing.formats.mlflow:MlflowFormat"),
    Plugin("format", "mojo", "kervan.package.writing.formats.mojo:MojoFormat"),
    Plugin("format", "mysql", "kervan.package.writing.formats.sql:MysqlFormat"),
    Plugin("format", "native", "kervan.package.writing.formats.native:NativeFormat"),
    Plugin("format", "onnx", "kervan.package.writing.formats.onnx:OnnxFormat"),
    Plugin("format", "openvino", "kervan.package.writing.formats.openvino:OpenvinoFormat"),
    Plugin("format", "pfa", "kervan.package.writing.formats.pfa:PfaFormat"),
    Plugin("format", "pickle", "kervan.package.writing.formats.pickled:PickleFormat"),
    Plugin("format", "pmml", "kervan.package.writing.formats.pmml:PmmlFormat"),
    Plugin("format", "pojo", "kervan.package.writing.formats.pojo:PojoFormat"),
    Plugin("format", "postgresql", "kervan.package.writing.formats.sql:PostgresqlFormat"),
    Plugin("format", "python", "kervan.package.writing.formats.python:PythonFormat"),
    Plugin("format", "rust", "kervan.package.writing.formats.rust:RustFormat"),
    Plugin("format", "safetensors", "kervan.package.writing.formats.safetensors:SafetensorsFormat"),
    Plugin("format", "savedmodel", "kervan.package.writing.formats.savedmodel:SavedModelFormat"),
    Plugin("format", "spark", "kervan.package.writing.formats.sql:SparkFormat"),
    Plugin("format", "sparkml", "kervan.package.writing.formats.sparkml:SparkmlFormat"),
    Plugin("format", "sqlite", "kervan.package.writing.formats.sql:SqliteFormat"),
    Plugin("format", "torch-export", "kervan.package.writing.formats.torch_export:TorchExportFormat"),
    Plugin("format", "torchscript", "kervan.package.writing.formats.torchscript:TorchScriptFormat"),
    Plugin("format", "treelite", "kervan.package.writing.formats.treelite:TreeliteFormat"),
    Plugin("protocol", "predict", "kervan.serve.protocols.predict:PredictProtocol"),
    Plugin("protocol", "inference-v2", "kervan.serve.protocols.inference_v2:InferenceV2Protocol"),
    Plugin("protocol", "invocations", "kervan.serve.protocols.invocations:InvocationsProtocol"),
    Plugin("protocol", "seldon", "kervan.serve.protocols.seldon:SeldonProtocol"),
    Plugin(
        "protocol",
        "tensorflow-serving",
        "kervan.serve.protocols.tensorflow_serving:TensorFlowServingProtocol",
    ),
    Plugin("service", "inference-v2-grpc", "kervan.serve.rpc.inference:InferenceService"),
    Plugin("service", "tensorflow-grpc", "kervan.serve.rpc.tensorflow:TensorflowService"),
    Plugin("target", "aks", "kervan.deploy.targets.kubernetes.target:AksTarget"),
    Plugin("target", "ansible", "kervan.deploy.targets.infrastructure.ansible:AnsibleTarget"),
    Plugin("target", "app-engine", "kervan.deploy.targets.google.app_engine:AppEngineTarget"),
    Plugin(
        "target",
        "azure-container-instances",
        "kervan.deploy.targets.azure.container_instances:ContainerInstancesTarget",
    ),
    Plugin("target", "azure-functions", "kervan.deploy.targets.azure.functions:AzureFunctionsTarget"),
    Plugin("target", "azure-iot-edge", "kervan.deploy.targets.azure.iot_edge:IotEdgeTarget"),
    Plugin("target", "azure-ml", "kervan.deploy.targets.azure.machine_learning:AzureMlTarget"),
    Plugin("target", "cloud-functions", "kervan.deploy.targets.google.functions:CloudFunctionsTarget"),
    Plugin("target", "cloud-run", "kervan.deploy.targets.google.run:CloudRunTarget"),
    Plugin(
        "target", "cloudformation", "kervan.deploy.targets.infrastructure.cloudformation:CloudformationTarget"
    ),
    Plugin("target", "compose", "kervan.deploy.targets.compose:ComposeTarget"),
    Plugin("target", "ecs", "kervan.deploy.targets.aws.ecs:EcsTarget"),
    Plugin("target", "eks", "kervan.deploy.targets.kubernetes.target:EksTarget"),
    Plugin("target", "gke", "kervan.deploy.targets.kubernetes.target:GkeTarget"),
    Plugin("target", "helm", "kervan.deploy.targets.helm.target:HelmTarget"),
    Plugin("target", "ibm-watson", "kervan.deploy.targets.watson:WatsonTarget"),
    Plugin("target", "image", "kervan.deploy.targets.image:ImageTarget"),
    Plugin("target", "kserve", "kervan.deploy.targets.kubernetes.kserve:KserveTarget"),
    Plugin("target", "kubernetes", "kervan.deploy.targets.kubernetes.target:KubernetesTarget"),
    Plugin("target", "lambda", "kervan.deploy.targets.aws.lambda_:LambdaTarget"),
    Plugin("target", "lambda-image", "kervan.deploy.targets.aws.lambda_:LambdaImageTarget"),
    Plugin("target", "local", "kervan.deploy.targets.local:LocalTarget"),
    Plugin("target", "local-container", "kervan.deploy.targets.container:ContainerTarget"),
    Plugin("target", "power-bi", "kervan.deploy.targets.power_bi:PowerBiTarget"),
    Plugin("target", "sagemaker", "kervan.deploy.targets.aws.sagemaker:SagemakerTarget"),
    Plugin("target", "seldon", "kervan.deploy.targets.kubernetes.seldon:SeldonTarget"),
    Plugin("target", "terraform", "kervan.deploy.targets.infrastructure.terraform:TerraformTarget"),
    Plugin("target", "vertex", "kervan.deploy.targets.google.vertex:VertexTarget"),
)

EXTRAS = {
    "adbc_driver_manager": "databases",
    "adbc_driver_postgresql": "databases",
    "ai_edge_litert": "litert",
    "alembic": "store",
    "boto3": "aws",
    "botocore": "aws",
    "catboost": "boosters",
    "coremltools": "coreml",
    "deltalake": "lakes",
    "duckdb": "sql",
    "fastexcel": "workbooks",
    "flatbuffers": "litert",
    "executorch": "executorch",
    "fsspec": "store",
    "google": "grpc",
    "grpc": "grpc",
    "grpc_reflection": "grpc",
    "h2o": "h2o",
    "h5py": "keras",
    "jinja2": "ui",
    "joblib": "train",
    "keras": "keras",
    "lightgbm": "boosters",
    "lz4": "streams",
    "markdown_it": "ui",
    "markupsafe": "train",
    "model_signing": "sigstore",
    "obstore": "places",
    "onnx": "train",
    "optuna": "train",
    "onnxruntime": "onnx",
    "opentelemetry": "otel",
    "opendp": "privacy",
    "openvino": "openvino",
    "packaging": "scan",
    "paho": "mqtt",
    "phonenumbers": "data",
    "polars": "data",
    "psycopg": "postgres",
    "pyarrow": "databases",
    "pyiceberg": "lakes",
    "pymysql": "sql",
    "pypmml": "pmml",
    "pyspark": "spark",
    "python_multipart": "ui",
    "safetensors": "safetensors",
    "scipy": "watch",
    "sklearn": "train",
    "sqlalchemy": "store",
    "sqlglot": "sql",
    "stdnum": "data",
    "starlette": "ui",
    "tensorflow": "tensorflow",
    "torch": "torch",
    "treelite": "treelite",
    "xgboost": "boosters",
    "xlsxwriter": "excel",
    "yaml": "train",
}


# Distributions that are called otherwise than their module.
_MODULES = {"scikit-learn": "sklearn", "ai-edge-litert": "ai_edge_litert", "xgboost-cpu": "xgboost"}


@contextmanager
def extras_named() -> Iterator[None]:
    """Turn the import error of an optional module into one that says which extra to install."""
    try:
        yield
    except ModuleNotFoundError as error:
        module = missing_module(error)
        if module not in EXTRAS:
            raise
        raise MissingExtra(module, EXTRAS[module]) from error


@dataclass(frozen=True, slots=True)
class _Made(Plugin):
    """An adapter that is there already."""

    adapter: Any = None

    def load(self) -> Any:
        """Return the adapter."""
        return self.adapter


_ADDED: list[_Made] = []


def add(kind: str, name: str, adapter: Any) -> None:
    """Add an adapter that is an object, for this process: no distribution and no entry point is needed.

    Raises `Conflict` for a name that is taken.
    """
    if name in plugins(kind):
        raise Conflict(f"there is a {kind} {name!r} already", hint="choose another name")
    _ADDED.append(_Made(kind, name, "", adapter=adapter))
    plugins.cache_clear()


def missing_module(error: ModuleNotFoundError) -> str:
    """Return the module that is not there, also where its distribution was asked for its version."""
    name = (error.name or "").partition(".")[0]
    return _MODULES.get(name, name)


@cache
def plugins(kind: str) -> dict[str, Plugin]:
    """Return the adapters of one kind by name: ours, what was added here, what other distributions bring."""
    from importlib.metadata import entry_points  # costs 20 modules at start-up

    rows: dict[str, Plugin] = {row.name: row for row in TABLE if row.kind == kind}
    rows |= {row.name: row for row in _ADDED if row.kind == kind}
    for point in entry_points(group=f"kervan.{kind}"):
        brought = f"{point.dist.name} {point.dist.version}" if point.dist else "an unnamed distribution"
        rows.setdefault(point.name, Plugin(kind, point.name, point.value, brought))
    return rows


def plugin(kind: str, name: str) -> Any:
    """Load one adapter by name."""
    rows = plugins(kind)
    if name not in rows:
        raise NotFound(f"there is no {kind} {name!r}", hint=which_meant(kind, name))
    return rows[name].load()


def which_meant(kind: str, name: str) -> str:
    """Return a hint to the adapters that a wrong name may mean.

    These are called so by the ending of their files or in their title, or have nearly that name.
    """
    rows = plugins(kind)
    asked = name.casefold().removeprefix(".")
    meant = [f'"{row.name}"' for row in rows.values() if asked in _also_called(row)]
    return f"did you mean {' or '.join(meant)}?" if meant else did_you_mean(name, rows)


def _also_called(row: Plugin) -> set[str]:
    """Return the endings of an adapter's files and the words of its title, of one that tells them."""
    try:
        about = getattr(row.load(), "about", None)
    except (ImportError, MissingExtra, BrokenPlugin):
        return set()
    if about is None:
        return set()
    told = f"{getattr(about, 'extension', '')} {about.title}".casefold()
    return {about.title.casefold(), *re.findall(r"\w+", told)}
