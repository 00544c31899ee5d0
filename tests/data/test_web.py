"""Tables at addresses of the web, from a real server that also misbehaves."""

from __future__ import annotations

import gzip
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from data.web import Page, Site, site
from kervan.core.config import DataSettings
from kervan.core.errors import InvalidConfig, InvalidData, InvalidInput, KervanError, NotFound, ServerFailed
from kervan.data.connectors.find import Seldom
from kervan.data.connectors.http import HttpConnector
from kervan.data.ingest import load, take

TABLE = pl.DataFrame({"yaş": range(30), "şehir": [f"İzmir {row}" for row in range(30)]})
CSV = TABLE.write_csv().encode()


@pytest.fixture
def web() -> Iterator[Site]:
    with site() as found:
        yield found


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def read(location: str) -> pl.DataFrame:
    return load(location, Path("/nowhere"), DataSettings()).table


def parquet() -> bytes:
    written = io.BytesIO()
    TABLE.write_parquet(written)
    return written.getvalue()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/kişiler.csv", CSV),
        ("/kişiler.csv.gz", gzip.compress(CSV)),
        ("/export?format=csv", CSV),
        ("/t.csv", parquet()),
        ("/", CSV),
        ("/t", gzip.compress(CSV)),
    ],
)
def test_reads_every_kind_by_its_content(web: Site, path: str, body: bytes) -> None:
    from urllib.parse import quote

    web.pages[quote(path, safe="/?=")] = Page(body)
    assert read(web.url + path).equals(TABLE)


def test_follows_a_redirect_and_keeps_what_the_server_says_of_the_version(web: Site) -> None:
    web.pages["/a.csv"] = Page(status=302, headers={"Location": "/b/c"})
    headers = {"ETag": '"v7"', "Last-Modified": "Sun, 29 Nov 2026 10:00:00 GMT"}
    web.pages["/b/c"] = Page(CSV, headers=headers)
    with take(f"{web.url}/a.csv", Path()) as snapshot:
        assert snapshot.retrieval.etag == '"v7"'
        assert snapshot.retrieval.modified == headers["Last-Modified"]
        assert snapshot.path.name == "a.csv"
        assert snapshot.path.read_bytes() == CSV


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (401, InvalidInput, "${NAME}"),
        (403, InvalidInput, "${NAME}"),
        (404, NotFound, "address"),
        (410, NotFound, "address"),
        (500, ServerFailed, "later"),
        (503, ServerFailed, "later"),
    ],
)
def test_what_the_server_refuses_is_said(
    web: Site, status: int, kind: type[KervanError], hint: str, temporary: Path
) -> None:
    web.pages["/a.csv"] = Page(b"no", status=status)
    with pytest.raises(kind, match=str(status)) as caught:
        read(f"{web.url}/a.csv")
    assert hint in caught.value.hint
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("path", ["/a.csv", "/a"])
def test_a_page_instead_of_a_table_is_named(web: Site, path: str) -> None:
    web.pages[path] = Page(b"<!doctype html><title>Log in</title>")
    with pytest.raises(InvalidData, match="HTML page"):
        read(web.url + path)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_connection_that_breaks_off_leaves_nothing(web: Site, temporary: Path, *, chunked: bool) -> None:
    web.pages["/a.csv"] = Page(CSV * 1000, cut=100_000, chunked=chunked)
    with pytest.raises(ServerFailed, match="broke off"):
        read(f"{web.url}/a.csv")
    assert list(temporary.iterdir()) == []
    web.pages["/a.csv"] = Page(CSV)
    assert read(f"{web.url}/a.csv").equals(TABLE)


def test_a_server_that_is_not_there(temporary: Path) -> None:
    with pytest.raises(ServerFailed, match=r"127\.0\.0\.1:9"):
        read("http://127.0.0.1:9/a.csv")
    assert list(temporary.iterdir()) == []


def test_a_password_comes_from_the_environment_and_goes_nowhere_else(
    web: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIFRE", "gizli/şifre@1")
    web.pages["/a.csv"] = Page(CSV)
    source = web.url.replace("//", "//ayşe:${SIFRE}@") + "/a.csv"
    with take(source, Path()) as snapshot:
        assert snapshot.source == source
        assert "gizli" not in repr(snapshot)
    assert web.asked[-1][2].startswith("Basic ")
    assert web.asked[-1][1] == "/a.csv"
    with pytest.raises(NotFound) as caught:
        read(source.replace("a.csv", "${SIFRE}"))
    assert "gizli" not in str(caught.value) + caught.value.hint
    assert caught.value.__cause__ is None


def test_a_password_that_is_written_out_is_refused(web: Site) -> None:
    for source in (
        web.url.replace("//", "//ayşe:gizli@") + "/a.csv",
        f"{web.url}/a.csv?token=gizli",
        f"{web.url}/a.csv?X-Amz-Signature=gizli",
        f"{web.url}/a.csv?v=1&access_token=gizli",
        "postgresql://ayşe@host/db?sslpassword=gizli",
        "az://kap/a.csv?sig=gizli",
    ):
        with pytest.raises(InvalidConfig, match=r"secret|password") as caught:
            read(source)
        assert "${NAME}" in caught.value.hint
        assert "gizli" not in str(caught.value) + caught.value.hint
    assert web.asked == []


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("YOK", raising=False)
    with pytest.raises(InvalidConfig, match="YOK"):
        read("https://${YOK}@host/a.csv")


def test_the_size_is_known_beforehand_where_the_server_tells_it(web: Site) -> None:
    from kervan.data.connectors.find import request_of

    web.pages["/a.csv"] = Page(CSV)
    web.pages["/b.csv"] = Page(CSV, chunked=True)
    connector = HttpConnector()
    assert connector.estimate(request_of(f"{web.url}/a.csv", Path(), None)).fetched == len(CSV)
    assert connector.estimate(request_of(f"{web.url}/b.csv", Path(), None)).fetched is None
    with pytest.raises(NotFound):
        connector.estimate(request_of(f"{web.url}/c.csv", Path(), None))
    assert {method for method, *_ in web.asked} == {"HEAD"}


def test_how_far_it_is_is_told_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.0, 1.0, 2.0, 2.5, 6.9, 7.0])
    monkeypatch.setattr("kervan.data.connectors.find.time.monotonic", lambda: next(moments))
    told: list[str] = []
    tell = Seldom(told.append)
    for text in "abcde":
        tell(text)
    assert told == ["b", "e"]
