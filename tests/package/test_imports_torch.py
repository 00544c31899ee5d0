"""Modules of PyTorch: refused unless their kind is allowed, then read by their graph and proved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from kervan.core.errors import Corrupted, Refused
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.foreign.fit import fit
from kervan.package.foreign.open import open_model
from kervan.package.proving.build import write_formats

if TYPE_CHECKING:
    from pathlib import Path

torch = pytest.importorskip("torch")
# Of PyTorch, about TorchScript and its exporters.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.sampled]
ALLOW = {"torchscript", "torch"}


class Scaled(torch.nn.Module):  # type: ignore[misc]  # the library tells no types
    """A network as it is trained for a table: the scaling is part of it."""

    def __init__(self, rows: Any, outputs: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(rows.mean(axis=0)))
        self.register_buffer("spread", torch.tensor(rows.std(axis=0)))
        self.inner = torch.nn.Sequential(
            torch.nn.Linear(rows.shape[1], 16),
            torch.nn.ReLU(),
            torch.nn.BatchNorm1d(16),
            torch.nn.Dropout(0.1),
            torch.nn.Linear(16, outputs),
        )

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        found = self.inner((rows - self.mean) / self.spread)
        return torch.sigmoid(found) if found.shape[1] == 1 else torch.softmax(found, dim=1)


def trained(outputs: int) -> tuple[Any, Any]:
    torch.manual_seed(0)
    cells = load_breast_cancer()
    rows = cells.data[:, :10].astype(np.float32)
    model, truth = Scaled(rows, outputs), torch.tensor(cells.target)
    optimiser = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(20):
        optimiser.zero_grad()
        found = model(torch.tensor(rows))
        share = found[:, 0] if outputs == 1 else found[:, 1]
        torch.nn.functional.binary_cross_entropy(share, truth.float()).backward()
        optimiser.step()
    return model.eval(), rows


def signature(classes: tuple[str, ...] = ("0", "1"), inputs: int = 10) -> Signature:
    columns = tuple(Column(name=f"x{place}", type=Type.NUMBER) for place in range(inputs))
    return Signature(inputs=Schema(columns), output=Column(name="y", type=Type.CATEGORY, allowed=classes))


def saved(model: Any, rows: Any, how: str, folder: Path) -> Path:
    path = folder / ("model.pt2" if how == "program" else "model.pt")
    if how == "program":
        rows_side = {0: torch.export.Dim("rows")}
        torch.export.save(
            torch.export.export(model, (torch.tensor(rows[:2]),), dynamic_shapes=(rows_side,)), path
        )
    elif how == "script":
        torch.jit.script(model).save(path)
    else:
        torch.jit.trace(model, torch.tensor(rows[:2])).save(path)
    return path


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("how", ["script", "trace", "program"])
def test_a_module_that_is_allowed(how: str, outputs: int, tmp_path: Path) -> None:
    model, rows = trained(outputs)
    path = saved(model, rows, how, tmp_path)
    with pytest.raises(Refused) as caught:
        open_model(path)
    assert "by name, if you trust" in caught.value.hint
    foreign = open_model(path, allow=ALLOW).foreign
    assert (foreign.kind, foreign.inputs, foreign.classes) == ("PyTorch", 10, outputs)
    fitted = fit(foreign, signature(), rows, path.name)
    wanted = model(torch.tensor(rows)).detach().numpy().astype(np.float64)
    wanted = np.hstack([1 - wanted, wanted]) if outputs == 1 else wanted
    np.testing.assert_allclose(fitted.predict(rows), wanted, atol=1e-6)
    proofs = write_formats(fitted, tmp_path / "package", ["onnx", "c"], rows[::4])
    assert all(proof.holds and proof.rows > len(rows) / 4 for proof in proofs)


@pytest.mark.parametrize("outputs", [1, 2])
def test_a_graph_that_pytorch_wrote(outputs: int, tmp_path: Path) -> None:
    model, rows = trained(outputs)
    torch.onnx.export(
        model,
        (torch.tensor(rows[:2]),),
        str(tmp_path / "model.onnx"),
        dynamo=False,
        input_names=["X"],
        dynamic_axes={"X": {0: "rows"}},
        opset_version=17,
    )
    fitted = fit(open_model(tmp_path / "model.onnx").foreign, signature(), rows, "model.onnx")
    assert write_formats(fitted, tmp_path / "package", ["onnx", "c", "python"], rows[::4])


class Two(torch.nn.Module):  # type: ignore[misc]
    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return first + second


class Loop(torch.nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.weights = torch.nn.Parameter(torch.ones(3))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        total = (rows * self.weights).cumsum(1)
        return torch.softmax(total, dim=1)


class Wide(torch.nn.Module):  # type: ignore[misc]
    """It reads the first four columns of any that it is given, and has weights of another width."""

    def __init__(self) -> None:
        super().__init__()
        self.spread = torch.nn.Parameter(torch.linspace(0.5, 1, 14))
        self.weights = torch.nn.Parameter(torch.ones(4, 2))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return torch.softmax(rows[:, :4] @ self.weights * self.spread[:2], dim=1)


def test_the_width_of_the_table_is_tried_first(tmp_path: Path) -> None:
    model = Wide()
    torch.jit.script(model).save(tmp_path / "wide.pt")
    rows = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    assert open_model(tmp_path / "wide.pt", allow=ALLOW).foreign.inputs == 14
    foreign = open_model(tmp_path / "wide.pt", allow=ALLOW, columns=4).foreign
    found = fit(foreign, signature(inputs=4), rows, "wide.pt").predict(rows)
    np.testing.assert_allclose(found, model(torch.tensor(rows)).detach().numpy(), atol=1e-6)


def test_one_column_is_not_spread_over_all_that_are_taken(tmp_path: Path) -> None:
    model, rows = trained(2)
    path = saved(model, rows, "script", tmp_path)
    assert open_model(path, allow=ALLOW, columns=1).foreign.inputs == 10


def test_what_is_no_network_over_a_table_is_refused(tmp_path: Path) -> None:
    torch.jit.script(Two()).save(tmp_path / "two.pt")
    with pytest.raises(Refused, match="takes no matrix of numbers"):
        open_model(tmp_path / "two.pt", allow=ALLOW)
    torch.save({"weights": torch.ones(3)}, tmp_path / "weights.pt")
    with pytest.raises(Refused, match="PyTorch file with a pickle"):
        open_model(tmp_path / "weights.pt", allow=ALLOW)


def test_an_operator_that_is_not_known_leaves_onnx(tmp_path: Path) -> None:
    torch.jit.script(Loop()).save(tmp_path / "loop.pt")
    rows = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    asked = signature(("a", "b", "c"), 3)
    fitted = fit(open_model(tmp_path / "loop.pt", allow=ALLOW).foreign, asked, rows, "loop.pt")
    # PyTorch adds up in float64: at 16,777,216 the last digit decides, and no form tells that it does.
    assert write_formats(fitted, tmp_path / "package", ["onnx"], rows, tolerance=0.5)
    with pytest.raises(Refused, match="the operator CumSum"):
        write_formats(fitted, tmp_path / "code", ["onnx", "c"], rows, tolerance=0.5)


def test_broken_modules_are_named(tmp_path: Path) -> None:
    model, rows = trained(2)
    path = saved(model, rows, "script", tmp_path)
    content = bytearray(path.read_bytes())
    place = content.find(b"def forward")
    content[place : place + 11] = b"del forward"
    path.write_bytes(content)
    with pytest.raises((Refused, Corrupted), match=r"model\.pt"):
        open_model(path, allow=ALLOW)
    (tmp_path / "empty.pt").write_bytes(b"PK\x05\x06")
    with pytest.raises(Corrupted, match="empty"):
        open_model(tmp_path / "empty.pt", allow=ALLOW)


def test_the_table_has_to_fit(tmp_path: Path) -> None:
    model, rows = trained(2)
    foreign = open_model(saved(model, rows, "trace", tmp_path), allow=ALLOW, columns=9).foreign
    with pytest.raises(Refused, match="takes 10 columns, the table has 9"):
        fit(foreign, signature(inputs=9), rows[:, :9], "model.pt")
