"""safetensors: bit for bit the same model, weights for others, and no lie in a file that is believed."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file
from safetensors.torch import load_file

from kervan.core.errors import Corrupted, InvalidInput
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.formats.safetensors import FILE, STRUCTURE, SafetensorsFormat
from kervan.package.writing.neutral.score import score
from kervan.package.writing.tensor.torch import module_of
from kervan.testing.sample import fit_sample

from .tensor import every_layer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize("layer", every_layer.LAYERS)
def test_every_layer_comes_back_bit_for_bit(layer: str, tmp_path: Path) -> None:
    model = every_layer.fitted(layer)
    SafetensorsFormat().save(model, tmp_path)
    given = SafetensorsFormat().load(tmp_path, model.signature).predict(every_layer.ROWS)
    np.testing.assert_array_equal(given, score(model.form, every_layer.ROWS))


def test_torch_loads_the_weights_by_the_names_of_the_module(tmp_path: Path) -> None:
    model, signature, matrix = fit_sample("linear", "binary")
    fitted = Fitted(model, signature)
    SafetensorsFormat().save(fitted, tmp_path)
    weights, module = load_file(tmp_path / FILE), module_of(fitted.form)
    common = weights.keys() & module.state_dict().keys()
    assert {name.partition("_")[2] for name in common} >= {"weights", "bias", "fill", "constant"}
    for name in common:
        module.get_buffer(name).zero_()
    unknown = module.load_state_dict(weights, strict=False)
    assert {name.rstrip("0123456789") for name in unknown.missing_keys} <= {
        f"layer{place}_columns" for place in range(len(fitted.form.layers))
    }
    given = module(torch.from_numpy(matrix)).numpy()
    np.testing.assert_allclose(given, fitted.predict(matrix), atol=1e-12)


def held(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    with safe_open(folder / FILE, framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
        return json.loads(file.metadata()[STRUCTURE]), arrays


def _set(name: str, place: Any, value: Any) -> Callable[[Any, Any], None]:
    def lie(_: Any, arrays: Any) -> None:
        arrays[name][place] = value

    return lie


def _put(name: str, value: Any) -> Callable[[Any, Any], None]:
    def lie(_: Any, arrays: Any) -> None:
        arrays[name] = np.array(value)

    return lie


def _say(layer: int, **values: Any) -> Callable[[Any, Any], None]:
    def lie(structure: Any, _: Any) -> None:
        structure["layers"][layer] |= values

    return lie


def _unsay(layer: int, name: str) -> Callable[[Any, Any], None]:
    def lie(structure: Any, _: Any) -> None:
        del structure["layers"][layer][name]

    return lie


def _drop(name: str, _: Any, arrays: Any) -> None:
    del arrays[name]


def _cut_layers(structure: Any, arrays: Any) -> None:
    structure["layers"] = []
    arrays.clear()


def _one_class_more(structure: Any, _: Any) -> None:
    structure["signature"]["output"]["allowed"].append("more")


LIES: dict[str, tuple[str, Callable[[Any, Any], None], str]] = {
    "a root beyond": ("trees with choices", _set("layer0_roots", 0, 10_000), "roots"),
    "a root before": ("trees with choices", _set("layer0_roots", 0, -1), "roots"),
    "a column beyond": ("tree", _set("layer0_place", 0, every_layer.WIDTH), "place"),
    "a column before": ("tree", _set("layer0_place", 0, -2), "place"),
    "a child of its own": ("tree", _set("layer0_left", 0, 0), "children"),
    "a child beyond": ("tree", _set("layer0_right", 0, 10_000), "children"),
    "a leaf beyond": ("leaves alone", _set("layer0_left", 0, 3), "left of leaves"),
    "a leaf before": ("leaves alone", _set("layer0_left", 0, -1), "left of leaves"),
    "a set beyond": ("trees with choices", _set("layer0_members", 0, 3), "members"),
    "a set of another size": ("trees with choices", _set("layer0_set_sizes", 0, 2), "sets hold"),
    "a set of no size": ("trees with choices", _set("layer0_set_sizes", 0, -1), "set_sizes"),
    "a target beyond": ("trees with targets", _set("layer0_target", 0, 2), "target"),
    "a place beyond": ("take", _set("layer1_places", 0, 8), "places"),
    "a place before": ("take", _set("layer1_places", 0, -1), "places"),
    "another type": ("linear", _put("layer0_weights", np.zeros((3, 4), dtype=np.float32)), "weights"),
    "another shape": ("linear", _put("layer0_weights", np.zeros((4, 3))), "weights"),
    "a longer bias": ("linear", _put("layer0_bias", np.zeros(4)), "weights"),
    "an array too few": ("linear", partial(_drop, "layer0_weights"), "no weights"),
    "an array too many": ("linear", _put("layer7_more", np.zeros(4)), "1 arrays too many"),
    "a layer that reads itself": ("take", _say(1, sources=[2, 0]), "come before"),
    "a layer that reads nothing": ("linear", _say(0, sources=[]), "0 sources|weights"),
    "a layer that reads two": ("linear", _say(0, sources=[0, 0]), "2 sources"),
    "a value before the first": ("linear", _say(0, sources=[-1]), "come before"),
    "places of nothing": ("take", _put("layer1_places", np.zeros(0, dtype=np.int64)), "gives nothing"),
    "other widths": ("add one", _say(1, sources=[1, 0]), "combines widths"),
    "no operation": ("add one", _unsay(1, "operation"), "no operation"),
    "an unknown operation": ("add one", _say(1, operation="invent"), "what its arrays mean"),
    "an unknown kind": ("add one", _say(1, kind="Lambda"), "what its arrays mean"),
    "an unknown field": ("add one", _say(1, code="print()"), "what its arrays mean"),
    "none of the nearest": ("nearest", _say(1, count=0), "nearest 0"),
    "more than there are": ("nearest", _say(1, count=21), "nearest 21"),
    "falling xs": ("interpolate", _put("layer1_xs", [0.0, -1.0, 2.0]), "rise"),
    "xs that are no numbers": ("interpolate", _put("layer1_xs", [0.0, np.nan, 2.0]), "rise"),
    "no layers": ("linear", _cut_layers, "4 answers, not 3"),
    "another class": ("linear", _one_class_more, "3 answers, not 4"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_told(lie: str, tmp_path: Path) -> None:
    layer, change, message = LIES[lie]
    model = every_layer.fitted(layer)
    SafetensorsFormat().save(model, tmp_path)
    structure, arrays = held(tmp_path)
    change(structure, arrays)
    save_file(arrays, tmp_path / FILE, metadata={STRUCTURE: json.dumps(structure)})
    with pytest.raises(Corrupted, match=message) as caught:
        SafetensorsFormat().load(tmp_path, model.signature)
    assert caught.value.hint


def test_a_later_structure_asks_for_a_later_version(tmp_path: Path) -> None:
    model = every_layer.fitted("linear")
    SafetensorsFormat().save(model, tmp_path)
    structure, arrays = held(tmp_path)
    save_file(arrays, tmp_path / FILE, metadata={STRUCTURE: json.dumps(structure | {"version": 2})})
    with pytest.raises(InvalidInput, match="structure 2") as caught:
        SafetensorsFormat().load(tmp_path, model.signature)
    assert "upgrade" in caught.value.hint


@pytest.mark.parametrize("metadata", [None, {}, {STRUCTURE: "[" * 100_000}])
def test_weights_of_others_are_no_model(metadata: Any, tmp_path: Path) -> None:
    save_file({"weight": np.zeros((2, 4))}, tmp_path / FILE, metadata=metadata)
    with pytest.raises(Corrupted, match="what its arrays mean"):
        SafetensorsFormat().load(tmp_path, every_layer.fitted("linear").signature)


@pytest.mark.parametrize("layer", ["tree", "trees with choices", "nearest with ties", "interpolate", "take"])
@settings(max_examples=150)
@given(data=st.data())
def test_whatever_is_changed_is_refused_or_answers(
    layer: str, data: st.DataObject, tmp_path_factory: Any
) -> None:
    folder = tmp_path_factory.mktemp("changed")
    model = every_layer.fitted(layer)
    SafetensorsFormat().save(model, folder)
    structure, arrays = held(folder)
    name = data.draw(st.sampled_from(sorted(arrays)))
    flat = arrays[name].reshape(-1)
    if flat.size:
        place = data.draw(st.integers(0, flat.size - 1))
        values = st.floats() if flat.dtype == np.float64 else st.integers(-(2**63), 2**63 - 1)
        small = values if flat.dtype == np.float64 else st.integers(-3, 60)
        flat[place] = data.draw(st.booleans() if flat.dtype == np.bool_ else st.one_of(small, values))
    save_file(arrays, folder / FILE, metadata={STRUCTURE: json.dumps(structure)})
    try:
        found = SafetensorsFormat().load(folder, model.signature).predict(every_layer.ROWS[:20])
    except Corrupted as error:
        assert error.hint  # noqa: PT017 - answering is as good as refusing
    else:
        assert found.shape[0] == 20


def test_a_file_with_a_wrong_byte_is_refused_or_answers(tmp_path: Path) -> None:
    model = every_layer.fitted("trees with choices")
    SafetensorsFormat().save(model, tmp_path)
    content = (tmp_path / FILE).read_bytes()
    random, refused = np.random.default_rng(0), 0
    for place in random.integers(0, len(content), 400):
        broken = bytearray(content)
        broken[place] ^= 1 << int(random.integers(8))
        (tmp_path / FILE).write_bytes(broken)
        try:
            SafetensorsFormat().load(tmp_path, model.signature).predict(every_layer.ROWS[:5])
        except (Corrupted, InvalidInput):
            refused += 1
    assert refused > 100


def test_a_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    model = every_layer.fitted("tree")
    SafetensorsFormat().save(model, tmp_path)
    content = (tmp_path / FILE).read_bytes()
    for end in range(0, len(content), 97):
        (tmp_path / FILE).write_bytes(content[:end])
        with pytest.raises(Corrupted):
            SafetensorsFormat().load(tmp_path, model.signature)
