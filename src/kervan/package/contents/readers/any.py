"""A manifest of any form, brought into the present one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from kervan.core.errors import Corrupted, InvalidInput
from kervan.core.identity import sha256
from kervan.package.contents.manifest import FILE_NAME, FORMAT, Manifest
from kervan.package.contents.readers import v1, v2, v3
from kervan.package.contents.readers.honest import check_manifest

READERS = {1: v1.read, 2: v2.read, 3: v3.read}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    format: int = 1  # the first form could leave it out


def parse_manifest(content: bytes, place: str = FILE_NAME) -> Manifest:
    """Read a manifest of any form from its bytes; `hash` is then that of the bytes.

    Raises `Corrupted` that names the place, and `InvalidInput` for a form that only later versions know.
    """
    try:
        form = msgspec.json.decode(content, type=_Form).format
        if form <= FORMAT:
            manifest = READERS[form](content)
            check_manifest(manifest)
            return replace(manifest, digest=sha256(content))
    except (msgspec.DecodeError, UnicodeDecodeError, InvalidInput, RecursionError) as error:
        raise Corrupted(f"{place}: {error}", hint="fetch or make the package again") from error
    except KeyError as error:
        raise Corrupted(f"{place}: no manifest has format {error}", hint="fetch the package again") from error
    raise InvalidInput(f"{place} has format {form}, this version reads up to {FORMAT}", hint="upgrade Kervan")
