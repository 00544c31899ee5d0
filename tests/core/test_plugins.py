from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import polars as pl
import pytest

from kervan.core import plugins as plugins_module
from kervan.core.errors import BrokenPlugin, Conflict, InvalidInput, MissingExtra, NotFound
from kervan.core.plugins import EXTRAS, TABLE, Plugin, add, extras_named, plugin, plugins
from kervan.core.ports import Connector, Format, ReadOptions, Service, Source, Target, Wire
from kervan.data.sources.find import find_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PORTS = {
    "connector": Connector,
    "source": Source,
    "format": Format,
    "protocol": Wire,
    "service": Service,
    "target": Target,
}
ADAPTER = """
class XmlSource:
    def accepts(self, location):
        return location.endswith(".xml")

    def read(self, path, options):
        raise NotImplementedError
"""
ENTRY_POINTS = """
[kervan.source]
xml = yabancı_kaynak:XmlSource
csv = yabancı_kaynak:XmlSource
broken = yok_böyle_bir_modül:Source
"""


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another distribution is installed that brings a source."""
    (tmp_path / "yabancı_kaynak.py").write_text(ADAPTER)
    info = tmp_path / "kervan_xml-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kervan-xml\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    plugins.cache_clear()
    importlib.invalidate_caches()
    yield
    plugins.cache_clear()
    sys.modules.pop("yabancı_kaynak", None)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.kind}-{row.name}")
def test_every_row_loads_an_adapter_of_its_port(row: Plugin) -> None:
    adapter = plugin(row.kind, row.name)
    assert isinstance(adapter, PORTS[row.kind])
    assert plugins(row.kind)[row.name] is row


@pytest.mark.usefixtures("foreign")
def test_an_installed_distribution_adds_adapters() -> None:
    assert plugin("source", "xml").accepts("şehirler.xml")
    assert "xml" in plugins("source")
    assert "xml" not in plugins("format")


@pytest.mark.usefixtures("foreign")
def test_nobody_replaces_an_adapter_of_ours() -> None:
    assert type(plugin("source", "csv")).__module__ == "kervan.data.sources.csv"


@pytest.mark.usefixtures("foreign")
def test_one_broken_adapter_does_not_hide_the_others() -> None:
    assert plugin("source", "parquet")
    said = (
        "the source 'broken' of kervan-xml 1.0 cannot be loaded: ModuleNotFoundError: .*yok_böyle_bir_modül"
    )
    with pytest.raises(BrokenPlugin, match=said) as caught:
        plugin("source", "broken")
    assert "kervan-xml" in caught.value.hint
    assert find_source("şehirler.csv").accepts("a.csv")
    assert find_source("şehirler.xml").accepts("a.xml")
    with pytest.raises(InvalidInput, match=r"nothing here reads 'a\.b'; the source 'broken' of kervan-xml"):
        find_source("a.b")


def test_an_adapter_may_be_an_object() -> None:
    class Lines:
        suffixes = (".satır",)

        def accepts(self, location: str) -> bool:
            return location.endswith(".satır")

        def read(self, path: Path, options: ReadOptions) -> pl.DataFrame:
            return pl.DataFrame({"satır": path.read_text(encoding="utf-8").splitlines()})

    lines = Lines()
    add("source", "satır", lines)
    try:
        assert find_source("a.satır") is lines
        with pytest.raises(Conflict, match="there is a source 'satır' already"):
            add("source", "satır", lines)
    finally:
        plugins_module._ADDED.clear()
        plugins.cache_clear()


def test_an_unknown_adapter_is_said_with_the_nearest() -> None:
    with pytest.raises(NotFound, match="no source 'cvs'") as caught:
        plugin("source", "cvs")
    assert caught.value.hint == 'did you mean "csv"?'
    with pytest.raises(NotFound, match="no saurce 'csv'"):
        plugin("saurce", "csv")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("tflite", '"litert"'),
        (".TFLite", '"litert"'),
        ("h5", '"hdf5"'),
        ("pt", '"torchscript"'),
        ("pt2", '"torch-export"'),
        ("pte", '"executorch"'),
        ("Core ML", '"coreml"'),
        ("TensorFlow", '"savedmodel"'),
        ("h2o", '"mojo" or "pojo"'),
        ("C", '"c"'),
        ("sqlit", '"sqlite"'),
    ],
)
def test_a_format_is_found_by_what_it_says_of_itself(name: str, meant: str) -> None:
    with pytest.raises(NotFound) as caught:
        plugin("format", name)
    assert caught.value.hint == f"did you mean {meant}?"


def test_what_no_format_says_of_itself_gets_the_list() -> None:
    with pytest.raises(NotFound) as caught:
        plugin("format", "xgb")
    assert caught.value.hint.startswith("known: bigquery, c, ")


@pytest.mark.usefixtures("foreign")
def test_a_wrong_name_does_not_mind_a_broken_adapter() -> None:
    with pytest.raises(NotFound) as caught:
        plugin("source", "pärquet")
    assert caught.value.hint == 'did you mean "parquet"?'


@pytest.mark.parametrize("module", sorted(EXTRAS))
def test_a_missing_module_names_its_extra(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=f"{module} is not installed") as caught, extras_named():
        importlib.import_module(module)
    assert caught.value.extra == EXTRAS[module]


def test_a_missing_module_of_nobody_stays_what_it_is() -> None:
    with pytest.raises(ModuleNotFoundError, match="yok"), extras_named():
        importlib.import_module("yok")
