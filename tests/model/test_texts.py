"""Free texts become counts of words, the same in training, in production and in every written format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kervan.core.config import DataSettings
from kervan.core.errors import RefusedRow
from kervan.core.identity import Bump
from kervan.core.schema import Column, Schema, Signature, Type, smallest_bump
from kervan.data.columns import infer_schema, signature_of
from kervan.model.families.registry import FAMILIES
from kervan.model.train import fit
from kervan.package.encoding import encode_table, encode_truth, encoded
from kervan.package.proving.build import write_format
from kervan.package.proving.parity import nasty_rows, proof_rows
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.neutral.score import score
from kervan.serve.decode import RowDecoder

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ('"', "'", "\\", "güzel", "iyi", "kötü", "🎉")
SIGNATURE = Signature(
    inputs=Schema(
        (
            Column(name="yorum", type=Type.TEXT, nullable=True, words=WORDS),
            Column(name="puan", type=Type.INTEGER),
            Column(name="yorum: iyi", type=Type.CATEGORY, allowed=("az", "çok")),
        )
    ),
    output=Column(name="memnun", type=Type.CATEGORY, allowed=("evet", "hayır")),
)
TEXTS = st.none() | st.text() | st.lists(st.sampled_from((*WORDS, "İYİ", "GÜZEL", "şey"))).map(" ".join)


def table_of(texts: list[str | None]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "yorum": pl.Series(texts, dtype=pl.String),
            "puan": [place % 5 for place in range(len(texts))],
            "yorum: iyi": ["az", "çok"] * (len(texts) // 2) + ["yok"] * (len(texts) % 2),
        }
    )


def comments(size: int) -> pl.DataFrame:
    random = np.random.default_rng(0)
    texts = [
        None if place % 19 == 0 else " ".join(random.choice([*WORDS, "bir", "şey", "çok"], 6))
        for place in range(size)
    ]
    pleased = [
        "evet" if (text or "").count("iyi") >= (text or "").count("kötü") else "hayır" for text in texts
    ]
    return table_of(texts).with_columns(memnun=pl.Series(pleased))


@given(st.lists(TEXTS, min_size=1, max_size=20))
def test_training_and_serving_count_the_same(texts: list[str | None]) -> None:
    table = table_of(texts)
    matrix = encode_table(table, SIGNATURE)
    np.testing.assert_array_equal(RowDecoder(SIGNATURE).decode(table.to_dicts()), matrix)
    assert matrix.shape == (len(texts), len(encoded(SIGNATURE).inputs))


def test_a_missing_text_is_an_empty_one() -> None:
    matrix = encode_table(table_of([None, "", "hiç", "İyi, iyi! kötü?"]), SIGNATURE)
    assert matrix[:, : len(WORDS)].tolist() == [[0] * 7] * 3 + [[0, 0, 0, 0, 2, 1, 0]]


def test_each_word_has_a_column_with_a_name_of_its_own() -> None:
    names = encoded(SIGNATURE).inputs.names
    assert names[4:6] == ("_yorum: iyi", "yorum: kötü")
    assert encoded(encoded(SIGNATURE)) == encoded(SIGNATURE)


@pytest.mark.parametrize("value", [3, True, ["iyi"], {"iyi": 1}])
def test_what_is_no_text_is_named(value: Any) -> None:
    with pytest.raises(RefusedRow, match=r"row 0, 'yorum': .* not a text"):
        RowDecoder(SIGNATURE).decode([{"yorum": value, "puan": 1}])


def test_a_text_that_has_to_be_there_is_asked_for() -> None:
    inputs = Schema((Column(name="yorum", type=Type.TEXT, words=WORDS),))
    decoder = RowDecoder(Signature(inputs=inputs, output=SIGNATURE.output))
    for missing in (None, float("nan")):
        with pytest.raises(RefusedRow, match="is missing"):
            decoder.decode([{"yorum": missing}])
    assert decoder.decode([{"yorum": ""}]).tolist() == [[0.0] * len(WORDS)]


def test_words_come_from_the_rows_that_are_learned_from() -> None:
    table = comments(60)
    schema = infer_schema(table, DataSettings())
    unnamed, left_out = signature_of(table, schema, "memnun", "classification")
    assert "yorum" not in unnamed.inputs
    assert [each.subject for each in left_out] == ["yorum"]
    few, _ = signature_of(table.head(4), schema, "memnun", "classification", ["yorum"])
    all_of_them, _ = signature_of(table, schema, "memnun", "classification", ["yorum"])
    known = set(all_of_them.inputs["yorum"].words)
    assert set(few.inputs["yorum"].words) < known == {*WORDS, "bir", "şey", "çok"}
    assert smallest_bump(few, all_of_them) is smallest_bump(all_of_them, few) is Bump.PATCH


@pytest.mark.parametrize("family", [name for name, each in FAMILIES.items() if not each.needs])
def test_every_family_learns_from_texts(family: str) -> None:
    table = comments(500)
    matrix, truth = encode_table(table, SIGNATURE), encode_truth(table["memnun"], SIGNATURE.output)
    fitted = Fitted(fit(family, matrix, truth, SIGNATURE, seed=0), SIGNATURE)
    nasty = nasty_rows(matrix, fitted.signature, seed=0, splits=fitted.splits())
    np.testing.assert_allclose(score(fitted.form, nasty), fitted.predict(nasty), rtol=1e-9, atol=1e-9)
    if family in {"linear", "boosting"}:
        assert (fitted.predict(matrix).argmax(axis=1) == truth).mean() > 0.85


@pytest.mark.parametrize(
    "name",
    [
        "c",
        "duckdb",
        "excel",
        "javascript",
        "java",
        "native",
        "onnx",
        "pfa",
        "pmml",
        "python",
        "savedmodel",
        "sqlite",
    ],
)
def test_texts_reach_every_way_of_writing(name: str, tmp_path: Path) -> None:
    """Among the words are quotes and a backslash: they are in the names of columns then."""
    table = comments(200)
    matrix, truth = encode_table(table, SIGNATURE), encode_truth(table["memnun"], SIGNATURE.output)
    fitted = Fitted(fit("linear", matrix, truth, SIGNATURE, seed=0), SIGNATURE)
    for proof in write_format(name, fitted, tmp_path / name, proof_rows(fitted, matrix, seed=0)):
        assert proof.holds
