"""Texts as UTF-8, whatever mark they begin with, or a refusal that names the byte."""

from __future__ import annotations

import codecs
import io
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING

from kervan.core.errors import InvalidConfig, InvalidData
from kervan.data.room import write_all
from kervan.data.scratch import scratch
from kervan.data.sources.disguise import refuse_disguised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_UTF8 = b"\xef\xbb\xbf"
_MARKS = {b"\xff\xfe\0\0": "UTF-32", b"\0\0\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
PIECE = 1 << 22
_START = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A UTF-8 text without a mark, in memory or in a file; `opened` gives its bytes from the start.

    `quoted` says whether it has double quotes. `file` is its name for messages.
    """

    file: str
    opened: Callable[[], IO[bytes]]
    start: int = 0
    quoted: bool = False

    def open(self) -> IO[bytes]:
        """Open it where it begins, behind a mark."""
        stream = self.opened()
        stream.seek(self.start)
        return stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a text is meant to be: words for a file that is something else, and a hint for one without any."""

    words: str
    unless: str
    hint: str


COLUMNS = Wanted(
    words="no UTF-8 text with columns", unless="\0", hint="a table begins with a line of column names"
)


def text_of(content: bytes, encoding: str, file: str) -> Text:
    """Return a text in memory, or raise `InvalidData` that names the byte that is wrong."""
    plain = recoded(content, encoding, file) if encoding else unmarked(content, file)
    return _checked(Text(file=file, opened=lambda: io.BytesIO(plain)), COLUMNS)


@contextmanager
def text_in(path: Path, encoding: str = "", wanted: Wanted = COLUMNS) -> Iterator[Text]:
    """Give the text of a file that need not fit into memory; raises as `text_of` does, in the same words.

    One that is not in UTF-8 is written as such into a temporary file.
    """
    with path.open("rb") as file:
        start = file.read(4)
    marked = next((kind for mark, kind in _MARKS.items() if start.startswith(mark)), "")
    if not encoding and not marked:
        mark = len(_UTF8) if start.startswith(_UTF8) else 0
        yield _checked(Text(file=path.name, opened=lambda: path.open("rb"), start=mark), wanted)
        return
    with scratch() as folder:
        plain = folder / "text"
        _recode(path, plain, encoding, marked)
        yield _checked(Text(file=path.name, opened=lambda: plain.open("rb")), wanted)


def unmarked(content: bytes, file: str) -> bytes:
    """Return a text without its mark; one that is marked as UTF-16 or UTF-32 becomes UTF-8."""
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            try:
                return content.decode(encoding).encode()
            except UnicodeError as error:
                raise _not_whole(str(error), file, encoding) from error
    return content.removeprefix(_UTF8)


def recoded(content: bytes, encoding: str, file: str) -> bytes:
    """Return a text that is in a named encoding as UTF-8, or raise `InvalidData` that names the byte."""
    try:
        return content.decode(encoding).removeprefix("\ufeff").encode()
    except LookupError as error:
        raise _no_encoding(encoding) from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _not_in(encoding, file, error.reason, (line, error.start)) from error


def check_utf8(content: bytes, file: str) -> None:
    """Raise `InvalidData` that names the first byte which is not UTF-8, or is zero."""
    _check_utf8(io.BytesIO(content), file)


def _checked(text: Text, wanted: Wanted) -> Text:
    with text.open() as stream:
        refuse_disguised(stream.read(_START), text.file, wanted.words, wanted.unless)
        stream.seek(text.start)
        quoted, is_blank = _check_utf8(stream, text.file)
    if is_blank:
        raise InvalidData(f"{text.file} is empty", hint=wanted.hint)
    return replace(text, quoted=quoted)


def _check_utf8(stream: IO[bytes], file: str) -> tuple[bool, bool]:
    """Return whether there are double quotes, and nothing but blanks. A zero byte is named first."""
    wrong: InvalidData | None = None
    quoted, is_blank = False, True
    place, line, rest = 0, 1, b""  # of the first byte that is not decoded, and what of it came
    while piece := stream.read(PIECE):
        data = rest + piece
        if (at := data.find(0)) >= 0:
            where = _where(line + data.count(b"\n", 0, at), place + at)
            raise InvalidData(
                f"{file} is no UTF-8 text: there is a zero byte in {where}", hint="save it as CSV in UTF-8"
            )
        quoted = quoted or b'"' in piece
        is_blank = is_blank and not piece.strip()
        read = len(data)
        if wrong is None and not data.isascii():
            read, wrong = _decoded(data, file, (line, place))
        place, line, rest = place + read, line + data.count(b"\n", 0, read), data[read:]
    if rest and wrong is None:
        _, wrong = _decoded(rest, file, (line, place), is_whole=True)
    if wrong:
        raise wrong
    return quoted, is_blank


def _decoded(
    data: bytes, file: str, start: tuple[int, int], *, is_whole: bool = False
) -> tuple[int, InvalidData | None]:
    """Return how many bytes are whole letters, or all and what is wrong; `start` is their line and place."""
    try:
        return codecs.utf_8_decode(data, "strict", is_whole)[1], None
    except UnicodeDecodeError as error:
        where = _where(start[0] + data.count(b"\n", 0, error.start), start[1] + error.start)
        return len(data), InvalidData(
            f"{file} is not UTF-8: byte 0x{data[error.start]:02x} in {where}",
            hint="save it as UTF-8, or say what it is in: older Turkish files are often in Windows-1254, "
            '`[data] encoding = "windows-1254"`',
        )


def _recode(path: Path, target: Path, encoding: str, marked: str) -> None:
    """Write a file anew in UTF-8; it is in a named encoding, or marked as one."""
    try:
        " ".encode(encoding or marked).decode(encoding or marked)
        decoder = codecs.getincrementaldecoder(encoding or marked)()
    except LookupError as error:
        raise _no_encoding(encoding) from error
    with path.open("rb") as stream:
        write_all(_in_utf8(stream, decoder, path.name, encoding), target)


def _in_utf8(
    stream: IO[bytes], decoder: codecs.IncrementalDecoder, file: str, encoding: str
) -> Iterator[bytes]:
    place, line, mark = 0, 1, "\ufeff" if encoding else ""
    is_last = False
    while not is_last:
        piece = stream.read(PIECE)
        is_last = not piece
        data = decoder.getstate()[0] + piece
        try:
            text = decoder.decode(piece, is_last)
        except UnicodeDecodeError as error:
            if not encoding:
                raise _not_whole(_at(error, place), file, error.encoding) from error
            at = (line + data.count(b"\n", 0, error.start), place + error.start)
            raise _not_in(encoding, file, error.reason, at) from error
        read = len(data) - len(decoder.getstate()[0])
        place, line = place + read, line + data.count(b"\n", 0, read)
        yield text.removeprefix(mark).encode()
        mark = "" if text else mark


def _at(error: UnicodeDecodeError, place: int) -> str:
    """Say what an error says, of bytes that begin at a place of the file."""
    start, end = place + error.start, place + error.end - 1
    byte = f"byte 0x{error.object[error.start]:02x} in position {start}"
    what = byte if start == end else f"bytes in position {start}-{end}"
    return f"{error.encoding!r} codec can't decode {what}: {error.reason}"


def _not_whole(reason: str, file: str, encoding: str) -> InvalidData:
    return InvalidData(
        f"{file} is no whole text in {encoding.upper()}: {reason}", hint="fetch it again, or save it as UTF-8"
    )


def _no_encoding(encoding: str) -> InvalidConfig:
    return InvalidConfig(
        f"[data] encoding: {encoding!r} is none", hint='for example "windows-1254", "latin-1", "utf-16-le"'
    )


def _not_in(encoding: str, file: str, reason: str, at: tuple[int, int]) -> InvalidData:
    return InvalidData(
        f"{file} is not in {encoding}: {reason} at {_where(*at)}",
        hint="name the encoding in which it was saved",
    )


def _where(line: int, place: int) -> str:
    return f"line {line} (byte {place})"
