"""Tables in buckets as moto, fake-gcs-server and Azurite have them; `memory://` stands for HDFS."""

from __future__ import annotations

import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import fsspec
import polars as pl
import pytest

from buckets import ACCOUNT, KEY, azure_storage, google_storage
from deploy.targets.amazon import moto, moto_server  # noqa: F401 - fixtures
from kervan.core.config import DataSettings
from kervan.core.errors import InvalidInput, NotFound, ServerFailed
from kervan.data.connectors.bucket import BucketConnector
from kervan.data.connectors.find import request_of
from kervan.data.ingest import load, take

TABLE = pl.DataFrame({"yaş": range(30), "şehir": [f"İzmir {row}" for row in range(30)]})
CSV = TABLE.write_csv().encode()
Put = Callable[[str, bytes], str]


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture(scope="module")
def gcs() -> Iterator[str]:
    with google_storage() as url:
        yield url


@pytest.fixture(scope="module")
def azurite() -> Iterator[str]:
    with azure_storage() as url:
        yield url


@pytest.fixture(params=["s3", "gs", "az", "memory"])
def put(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Put a file into a bucket of each kind in turn, and return its URL."""
    store = {"s3": _s3, "gs": _gs, "az": _az, "memory": _memory}[request.param](request, monkeypatch)

    def write(name: str, content: bytes) -> str:
        store(name, content)
        return f"{request.param}://kova/{name}"

    return write


def _s3(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    import boto3

    url = request.getfixturevalue("moto")
    client = boto3.client("s3", endpoint_url=url, region_name="us-east-1")
    client.create_bucket(Bucket="kova")
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return lambda name, content: client.put_object(Bucket="kova", Key=name, Body=content)


def _gs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    url = request.getfixturevalue("gcs")
    monkeypatch.setenv("GOOGLE_BASE_URL", url)
    monkeypatch.setenv("GOOGLE_SKIP_SIGNATURE", "true")

    def put(name: str, content: bytes) -> None:
        to = f"{url}/upload/storage/v1/b/kova/o?uploadType=media&name={quote(name)}"
        urllib.request.urlopen(urllib.request.Request(to, data=content, method="POST"), timeout=30).close()

    return put


def _az(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    import obstore
    from obstore.store import AzureStore

    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", KEY)
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", request.getfixturevalue("azurite"))
    store = AzureStore("kova", client_options={"allow_http": True})
    return lambda name, content: obstore.put(store, name, content)


def _memory(_request: pytest.FixtureRequest, _monkeypatch: pytest.MonkeyPatch) -> Any:
    system = fsspec.filesystem("memory")
    system.store.clear()
    return lambda name, content: system.pipe(f"/kova/{name}", content)


def read(location: str) -> pl.DataFrame:
    return load(location, Path("/nowhere"), DataSettings()).table


def test_reads_a_file_and_keeps_its_version(put: Put) -> None:
    location = put("yıl/kişiler ı.csv", CSV)
    with take(location, Path()) as snapshot:
        assert snapshot.path.read_bytes() == CSV
        assert snapshot.source == location
        assert snapshot.retrieval.etag or location.startswith("memory")
    assert read(location).equals(TABLE)
    assert BucketConnector().estimate(request_of(location, Path(), None)).fetched == len(CSV)


def test_reads_a_folder_and_a_pattern_in_the_order_of_names(put: Put) -> None:
    for number in (2, 1):
        put(f"yıllar/{number}.csv", TABLE.with_columns(pl.lit(number).alias("no")).write_csv().encode())
    put("yıllar/oku.md", b"not a table")
    last = put("yıllar/alt/3.csv", CSV)
    root = last.removesuffix("/alt/3.csv")
    for location in (root, f"{root}/*.csv"):
        assert read(location)["no"].unique(maintain_order=True).to_list() == [1, 2]


def test_what_is_not_there(put: Put, temporary: Path) -> None:
    location = put("a.csv", CSV)
    with pytest.raises(NotFound) as caught:
        read(location.replace("a.csv", "b.csv"))
    assert caught.value.hint
    with pytest.raises((NotFound, ServerFailed)):
        read(location.replace("kova/", "yokboylekova/"))
    with pytest.raises(NotFound):
        read(location.replace("a.csv", "*.parquet"))
    assert list(temporary.iterdir()) == []


def test_a_login_that_is_refused_says_where_logins_come_from(
    azurite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT)
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", azurite)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", KEY[::-1].strip("=") + "==")
    with pytest.raises(ServerFailed) as caught:
        read("az://kova/a.csv")
    assert "AZURE_STORAGE_ACCOUNT_KEY" in caught.value.hint


def test_keys_of_a_profile_are_found(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _s3(request, monkeypatch)("a.csv", CSV)
    (tmp_path / "keys").write_text(
        "[satış]\naws_access_key_id = a\naws_secret_access_key = b\n", encoding="utf-8"
    )
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "keys"))
    monkeypatch.setenv("AWS_PROFILE", "satış")
    assert read("s3://kova/a.csv").equals(TABLE)


def test_a_store_that_is_not_there(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with pytest.raises(ServerFailed, match="kova"):
        read("s3://kova/a.csv")
    assert list(temporary.iterdir()) == []


def test_a_file_system_that_is_not_installed_is_named() -> None:
    with pytest.raises(InvalidInput, match="dropbox") as caught:
        read("dropbox://a.csv")
    assert "install" in caught.value.hint
