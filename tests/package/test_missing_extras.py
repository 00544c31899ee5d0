"""Whoever lacks a framework is told what to install, whatever they were about to do."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError
from typing import TYPE_CHECKING

import pytest

from kervan.core.errors import MissingExtra
from kervan.core.plugins import plugin
from kervan.package.proving.build import load_format
from kervan.package.writing.fitted import Fitted
from kervan.testing.sample import fit_sample

if TYPE_CHECKING:
    from pathlib import Path

NEEDED = {
    "executorch": ("executorch", "executorch.exir", "executorch.runtime"),
    "openvino": ("openvino",),
    "safetensors": ("safetensors", "safetensors.numpy"),
    "torch-export": ("torch",),
    "torchscript": ("torch",),
    "treelite": ("treelite", "treelite.model_builder"),
}


@pytest.mark.parametrize("name", NEEDED)
def test_the_extra_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = plugin("format", name)
    model, signature, _ = fit_sample("tree", "binary")
    written = Fitted(model, signature)
    adapter.save(written, tmp_path)
    read = getattr(adapter, "scorers", adapter.load)
    for module in NEEDED[name]:
        monkeypatch.setitem(sys.modules, module, None)
    extra = NEEDED[name][0]
    for needs_it in (lambda: adapter.save(written, tmp_path), lambda: read(tmp_path, signature)):
        with pytest.raises(MissingExtra) as caught:
            needs_it()
        assert (caught.value.extra, caught.value.hint) == (extra, f"pip install 'kervan[{extra}]'")


def test_a_package_without_the_library_that_scores_it_says_which_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = plugin("format", "native")
    model, signature, _ = fit_sample("tree", "binary")
    adapter.save(Fitted(model, signature), tmp_path)

    def version(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("kervan.package.writing.native.read.version", version)
    with pytest.raises(MissingExtra) as caught:
        load_format("native", tmp_path, signature)
    assert caught.value.hint == "pip install 'kervan[train]'"
