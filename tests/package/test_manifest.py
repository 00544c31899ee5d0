from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs.manifest_schema import PLACES, schema, text
from kervan.core.errors import Corrupted, InvalidInput
from kervan.core.identity import sha256
from kervan.core.nouns import PackageFile
from kervan.core.schema import Column, Schema, Signature, Type, Unseen
from kervan.package.contents.manifest import FORMAT, FormatFacts, Lineage, Manifest, Parity
from kervan.package.contents.readers.any import parse_manifest

from .small_tables import signature_for

SCHEMA = jsonschema.Draft202012Validator(schema())
FROZEN = Path(__file__).parent / "frozen"
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
NAMES = TEXTS.filter(bool)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
COUNTS = st.integers(0, 10**9)
HASHES = st.text("0123456789abcdef", min_size=64, max_size=64)
COLUMNS = st.builds(
    Column,
    name=NAMES,
    type=st.sampled_from(Type),
    nullable=st.booleans(),
    allowed=st.lists(TEXTS, unique=True, max_size=4).map(tuple),
    minimum=st.none() | st.floats(-100, 0),
    maximum=st.none() | st.floats(0, 100),
    unit=TEXTS,
    unseen=st.sampled_from(Unseen),
)
SIGNATURES = st.builds(
    Signature,
    inputs=st.lists(COLUMNS, unique_by=lambda column: column.name, max_size=4).map(
        lambda columns: Schema(tuple(columns))
    ),
    output=COLUMNS,
)
PROOFS = st.builds(
    Parity,
    format=TEXTS,
    rows=COUNTS,
    tolerance=NUMBERS,
    largest=NUMBERS,
    over=COUNTS,
    label_changes=COUNTS,
    scorer=TEXTS,
)
WORDS = st.text("abcçğışöü0123456789", min_size=1, max_size=8)  # of which names are made that can be names
MANIFESTS = st.builds(
    Manifest,
    name=WORDS,
    version=st.tuples(COUNTS, COUNTS, COUNTS).map(lambda parts: "{}.{}.{}".format(*parts)),
    created=st.floats(0, 4e9),
    creator=TEXTS,
    signature=SIGNATURES,
    formats=st.lists(WORDS, unique=True, max_size=2).map(tuple),
    parity=st.lists(PROOFS, max_size=2).map(tuple),
    files=st.lists(st.builds(PackageFile, path=WORDS, size=COUNTS, sha256=HASHES), max_size=2).map(tuple),
    samples=st.lists(
        st.dictionaries(NAMES, st.none() | TEXTS | NUMBERS | st.booleans(), max_size=3), max_size=2
    ).map(tuple),
    metrics=st.dictionaries(NAMES, NUMBERS, max_size=3),
    answers=st.lists(st.lists(NUMBERS, max_size=2).map(tuple), max_size=2).map(tuple),
    intervals=st.dictionaries(NAMES, st.tuples(NUMBERS, NUMBERS), max_size=2),
    requirements=st.dictionaries(NAMES, TEXTS, max_size=2),
    facts=st.lists(
        st.builds(FormatFacts, format=NAMES, title=TEXTS, requires=st.dictionaries(NAMES, TEXTS, max_size=1)),
        max_size=2,
    ).map(tuple),
    lineage=st.builds(
        Lineage, dataset=TEXTS, run=TEXTS, repository=TEXTS, difference=TEXTS, acceptance=TEXTS
    ),
    licence=TEXTS,
)


def made(name: str = "şehir") -> Manifest:
    return Manifest(
        name=name,
        version="1.2.3",
        created=0.5,
        creator="ı",
        signature=signature_for("binary"),
        formats=("onnx",),
        parity=(),
        files=(),
    )


@given(MANIFESTS)
def test_a_manifest_comes_back_as_it_was_with_the_same_bytes_and_hash(manifest: Manifest) -> None:
    content = manifest.to_json()
    again = parse_manifest(content)
    assert again == manifest
    assert again.to_json() == content
    assert again.hash == manifest.hash


@given(MANIFESTS)
def test_every_manifest_is_as_the_schema_says(manifest: Manifest) -> None:
    SCHEMA.validate(json.loads(manifest.to_json()))


@pytest.mark.parametrize(
    ("name", "value"),
    [("format", 1), ("name", 1), ("files", [{"path": "a"}]), ("unknown", ""), ("metrics", {"a": "1"})],
)
def test_what_is_not_as_the_schema_says_is_found(name: str, value: object) -> None:
    told = json.loads(made().to_json())
    assert not SCHEMA.is_valid({**told, name: value})
    del told[next(iter(told))]
    assert not SCHEMA.is_valid(told)


def test_the_schema_is_shipped_and_published_as_the_classes_have_it() -> None:
    for place in PLACES:
        assert place.read_text(encoding="utf-8") == text(), "run `python tests/docs/manifest_schema.py`"
    jsonschema.Draft202012Validator.check_schema(schema())


def test_the_order_of_metrics_does_not_change_the_hash() -> None:
    one = replace(made(), metrics={"a": 1.0, "ş": 2.0})
    assert one.hash == replace(made(), metrics={"ş": 2.0, "a": 1.0}).hash
    assert one.hash != made().hash


@given(st.binary(max_size=200))
def test_what_is_no_manifest_is_refused_with_its_place(content: bytes) -> None:
    with pytest.raises(Corrupted, match=r"^here: "):
        parse_manifest(content, place="here")


@pytest.mark.parametrize("content", [b'{"name": "\xff"}', b"\xef\xbb\xbf{}", b"[]", b"null", b'{"name": 1}'])
def test_nearly_a_manifest_is_refused_too(content: bytes) -> None:
    with pytest.raises(Corrupted, match=r"^here: "):
        parse_manifest(content, place="here")


@given(st.integers(0, 10**6))
def test_a_manifest_cut_off_anywhere_is_refused(place: int) -> None:
    content = made().to_json().rstrip()
    with pytest.raises(Corrupted):
        parse_manifest(content[: place % len(content)])


@pytest.mark.parametrize("form", ["v1", "v2", "v3"])
@given(data=st.data())
def test_an_altered_manifest_is_read_or_refused_and_nothing_else(form: str, data: st.DataObject) -> None:
    content = bytearray((FROZEN / form / "package" / "manifest.json").read_bytes())
    letters = st.sampled_from(b'0129-+.eE"[]{},:\\tnul')
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[place] = data.draw(letters)
    with suppress(Corrupted, InvalidInput):
        assert parse_manifest(bytes(content)).hash == sha256(bytes(content))


def test_a_later_form_asks_for_a_later_version() -> None:
    with pytest.raises(InvalidInput, match="has format 4, this version reads up to 3") as error:
        parse_manifest(replace(made(), format=4).to_json())
    assert error.value.hint == "upgrade Kervan"


def test_a_signature_that_breaks_its_own_rules_is_refused() -> None:
    content = made().to_json().replace(b'"gelir \xc4\xb1"', '"yaş"'.encode())
    with pytest.raises(Corrupted, match="here: two columns are called 'yaş'"):
        parse_manifest(content, place="here")


@pytest.mark.parametrize("form", ["0", "-1", '"3"', "null", "1.5"])
def test_a_form_that_never_was_is_refused(form: str) -> None:
    content = made().to_json().replace(b'"format": 3', f'"format": {form}'.encode())
    with pytest.raises(Corrupted, match=r"^here: "):
        parse_manifest(content, place="here")


def test_endless_nesting_is_refused() -> None:
    nested = b"[" * 100_000 + b"]" * 100_000
    with pytest.raises(Corrupted, match=r"^here: "):
        parse_manifest(made().to_json().replace(b'"samples": []', b'"samples": [{"a": %s}]' % nested), "here")


def test_the_hash_is_that_of_the_bytes_however_they_are_written() -> None:
    content = made().to_json().replace(b"\n", b" ")
    read = parse_manifest(content)
    assert read == made()
    assert read.hash == sha256(content) != made().hash
    assert b"digest" not in read.to_json()


def test_the_first_form_is_read_into_the_present_one() -> None:
    content = (FROZEN / "v1" / "package" / "manifest.json").read_bytes()
    old, read = json.loads(content), parse_manifest(content)
    assert read.hash == sha256(content)
    assert read.format == FORMAT
    assert read.signature == msgspec.convert(old["signature"], Signature)
    assert read.ref == f"{old['name']}@{old['version']}"
    assert [proof.largest for proof in read.parity] == [proof["largest"] for proof in old["parity"]]
    assert parse_manifest(read.to_json()) == read


@pytest.mark.parametrize(("form", "precision"), [("v1", "float32"), ("v2", "float32"), ("v3", "float64")])
def test_older_packages_go_on_rounding_what_they_are_asked(form: str, precision: str) -> None:
    content = (FROZEN / form / "package" / "manifest.json").read_bytes()
    assert parse_manifest(content).precision == precision


def test_the_first_package_of_the_present_form_is_as_the_schema_says() -> None:
    content = (FROZEN / f"v{FORMAT}" / "package" / "manifest.json").read_bytes()
    SCHEMA.validate(json.loads(content))
    assert parse_manifest(content).signature.inputs["yaş"].words == ()


def test_the_lineage_of_the_first_form_is_kept() -> None:
    old = json.loads((FROZEN / "v1" / "package" / "manifest.json").read_bytes())
    told = {"dataset": "adult:3", "run": "01R", "commit": "abc"}
    assert parse_manifest(json.dumps({**old, **told}).encode()).lineage == Lineage(**told)
    del old["format"]
    assert parse_manifest(json.dumps(old).encode()).format == FORMAT
