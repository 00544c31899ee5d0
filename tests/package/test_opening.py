from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kervan.core.errors import Corrupted, KervanError, NotFound, Refused
from kervan.core.nouns import PackageFile
from kervan.package.contents.archive import pack
from kervan.package.contents.manifest import FILE_NAME
from kervan.package.contents.readers.any import READERS
from kervan.package.contents.signing import FILE_NAME as SIGNATURE
from kervan.package.contents.signing import SigningKey
from kervan.package.opening import check_package, load_package
from kervan.serve.decode import RowDecoder
from kervan.testing.sample import SECRET, make_package

FROZEN = sorted((Path(__file__).parent / "frozen").glob("v*/package*"))
OURS = SigningKey(SECRET)
THEIRS = SigningKey(b"another workspace's secret......")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_package(tmp_path_factory.mktemp("written") / "paket ı", "1.0.0")


@pytest.fixture
def package(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "paket ı"))


@pytest.mark.parametrize("path", FROZEN, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_frozen_package_answers_as_it_did(path: Path) -> None:
    stored = json.loads((path.parent / "answers.json").read_text(encoding="utf-8"))
    manifest, predictor = load_package(path, unsigned=path.parent.name == "v1")
    matrix = RowDecoder(manifest.signature).decode(stored["rows"])
    np.testing.assert_allclose(predictor.predict(matrix), stored["answers"], rtol=1e-6)


def test_every_form_is_frozen() -> None:
    assert {path.parent.name for path in FROZEN} == {f"v{form}" for form in READERS}
    assert {path.name for path in FROZEN} == {"package", "package.kervan"}


def test_a_package_says_who_signed_it(package: Path) -> None:
    found = check_package(package)
    assert found.signer == OURS.signer
    assert found.manifest.ref == "gelir@1.0.0"
    assert {file.path for file in found.manifest.files} == {"onnx/matrix.onnx", "onnx/model.onnx"}


def test_only_trusted_keys_count_where_some_are_named(package: Path) -> None:
    load_package(package, trusted={OURS.signer.key_id, THEIRS.signer.key_id})
    for trusted in ([THEIRS.signer.key_id], []):
        with pytest.raises(Refused, match=f"signed by key {OURS.signer.key_id}, which is none") as caught:
            load_package(package, trusted=trusted)
        assert caught.value.hint


def test_a_package_without_signature_is_opened_by_name_only(package: Path) -> None:
    (package / SIGNATURE).unlink()
    for options in ({}, {"trusted": [OURS.signer.key_id]}, {"trusted": [], "unsigned": True}):
        with pytest.raises(Refused, match="is not signed") as caught:
            load_package(package, **options)
        assert caught.value.hint
    assert check_package(package, unsigned=True).signer is None


def test_the_first_form_is_no_way_around_the_signature(tmp_path: Path) -> None:
    folder = shutil.copytree(FROZEN[0], tmp_path / "old")
    with pytest.raises(Refused, match="is not signed"):
        load_package(folder)
    (folder / SIGNATURE).write_bytes(OURS.sign((folder / FILE_NAME).read_bytes()))
    assert load_package(folder, trusted=[OURS.signer.key_id])[0].ref == "gelir@1.0.0"


def test_a_signature_that_is_there_has_to_hold_even_if_none_is_asked_for(package: Path) -> None:
    (package / SIGNATURE).write_bytes(b"{}")
    with pytest.raises(Corrupted, match=r"signature\.json is no signature"):
        load_package(package, unsigned=True)


@pytest.mark.parametrize("unsigned", [False, True])
def test_one_flipped_byte_anywhere_is_refused_a_thousand_times_of_a_thousand(
    unsigned: bool, package: Path
) -> None:
    """Any file, manifest and signature included; each place of all bytes together is as likely."""
    random = np.random.default_rng(20_261_120)
    contents = {path: path.read_bytes() for path in sorted(package.rglob("*")) if path.is_file()}
    assert len(contents) == 4
    ends = np.cumsum([len(content) for content in contents.values()])
    for place in random.integers(ends[-1], size=1_000):
        which = int(np.searchsorted(ends, place, side="right"))
        path, content = list(contents.items())[which]
        at = int(place - ends[which] + len(content))
        flipped = content[at] ^ int(random.integers(1, 256))
        path.write_bytes(content[:at] + bytes([flipped]) + content[at + 1 :])
        with pytest.raises((Corrupted, Refused)):
            check_package(package, unsigned=unsigned)
        path.write_bytes(content)
    check_package(package)


def _missing(folder: Path) -> None:
    (folder / "onnx" / "model.onnx").unlink()


def _added(folder: Path) -> None:
    (folder / "onnx" / "extra.py").write_text("print()")


def _added_manifest(folder: Path) -> None:
    shutil.copy(folder / FILE_NAME, folder / "onnx" / FILE_NAME)


def _added_signature(folder: Path) -> None:
    shutil.copy(folder / SIGNATURE, folder / "onnx" / SIGNATURE)


def _added_folder(folder: Path) -> None:
    (folder / "onnx" / "empty").mkdir()


def _renamed(folder: Path) -> None:
    (folder / "onnx" / "model.onnx").rename(folder / "onnx" / "Model.onnx")


def _moved(folder: Path) -> None:
    (folder / "onnx" / "model.onnx").rename(folder / "model.onnx")


def _swapped(folder: Path) -> None:
    (folder / "onnx" / "model.onnx").rename(folder / "one")
    (folder / "onnx" / "matrix.onnx").rename(folder / "onnx" / "model.onnx")
    (folder / "one").rename(folder / "onnx" / "matrix.onnx")


def _cut_off(folder: Path) -> None:
    os.truncate(folder / "onnx" / "model.onnx", 100)


def _grown(folder: Path) -> None:
    os.truncate(folder / "onnx" / "model.onnx", 1 << 40)


def _link(folder: Path, name: str = "onnx/model.onnx") -> None:
    (folder / name).rename(folder.parent / "elsewhere")
    (folder / name).symlink_to(folder.parent / "elsewhere")


def _linked_manifest(folder: Path) -> None:
    _link(folder, FILE_NAME)


def _linked_signature(folder: Path) -> None:
    _link(folder, SIGNATURE)


def _linked_folder(folder: Path) -> None:
    _link(folder, "onnx")


def _folder(folder: Path, name: str = "onnx/model.onnx") -> None:
    (folder / name).unlink()
    (folder / name).mkdir()


def _folder_with_a_file(folder: Path) -> None:
    _folder(folder)
    (folder / "onnx" / "model.onnx" / "a").write_text("")


def _manifest_folder(folder: Path) -> None:
    _folder(folder, FILE_NAME)


def _signature_folder(folder: Path) -> None:
    _folder(folder, SIGNATURE)


def _pipe(folder: Path) -> None:
    (folder / "onnx" / "model.onnx").unlink()
    os.mkfifo(folder / "onnx" / "model.onnx")


def _signed_again(folder: Path) -> None:
    (folder / SIGNATURE).write_bytes(OURS.sign(b"{}"))


def _huge_manifest(folder: Path) -> None:
    os.truncate(folder / FILE_NAME, 1 << 40)


HARM: list[Callable[[Path], None]] = [
    _missing,
    _added,
    _added_manifest,
    _added_signature,
    _added_folder,
    _renamed,
    _moved,
    _swapped,
    _cut_off,
    _grown,
    _link,
    _linked_manifest,
    _linked_signature,
    _linked_folder,
    _folder,
    _folder_with_a_file,
    _manifest_folder,
    _signature_folder,
    _pipe,
    _signed_again,
    _huge_manifest,
]


@pytest.mark.parametrize("harm", HARM, ids=lambda harm: harm.__name__.strip("_"))
def test_a_harmed_package_is_refused_with_what_to_do(harm: Callable[[Path], None], package: Path) -> None:
    harm(package)
    with pytest.raises(Corrupted) as caught:
        load_package(package)
    assert caught.value.hint
    assert str(package) in str(caught.value)


@pytest.mark.parametrize("names", [("../outside",), ("/etc/hostname",), ("onnx/../onnx/model.onnx",), ("",)])
def test_a_manifest_cannot_speak_of_files_outside(names: tuple[str, ...], package: Path) -> None:
    """Signed by somebody, such a manifest is still not what is in the folder."""
    manifest = json.loads((package / FILE_NAME).read_bytes())
    manifest["files"] += [{"path": name, "size": 0, "sha256": ""} for name in names]
    content = json.dumps(manifest).encode()
    (package / FILE_NAME).write_bytes(content)
    (package / SIGNATURE).write_bytes(THEIRS.sign(content))
    (package.parent / "outside").write_bytes(b"")
    with pytest.raises(KervanError, match=r"and that name (leads elsewhere|is absolute|is empty)"):
        load_package(package)


def test_one_file_is_called_by_its_name_whatever_is_wrong_inside(package: Path, tmp_path: Path) -> None:
    one = tmp_path / "paket.kervan"
    pack(package, one)
    with pytest.raises(Refused) as caught:
        load_package(one, trusted=[THEIRS.signer.key_id])
    assert str(caught.value).startswith(f"{one} is signed by key")
    (package / SIGNATURE).unlink()
    one.unlink()
    pack(package, one)
    with pytest.raises(Refused) as caught:
        load_package(one)
    assert str(caught.value) == f"{one} is not signed"


@pytest.mark.parametrize("name", ["nothing", "file"])
def test_what_holds_no_package_is_not_found(name: str, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(NotFound) as caught:
        load_package(tmp_path / name)
    assert caught.value.hint


def test_a_package_without_a_format_is_refused(package: Path) -> None:
    content = json.dumps({**json.loads((package / FILE_NAME).read_bytes()), "formats": []}).encode()
    (package / FILE_NAME).write_bytes(content)
    (package / SIGNATURE).write_bytes(OURS.sign(content))
    with pytest.raises(Corrupted, match="names no format"):
        load_package(package)


def test_files_are_listed_by_their_paths(package: Path) -> None:
    listed = check_package(package).manifest.files
    assert list(listed) == sorted(listed, key=lambda file: file.path)
    assert all(isinstance(file, PackageFile) and file.size for file in listed)
