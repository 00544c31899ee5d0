"""Rows of a query, written as Parquet while they come; the types are those of all rows."""

from __future__ import annotations

import io
import json
from collections import Counter
from typing import TYPE_CHECKING, Any
from uuid import UUID

from kervan.core.errors import InvalidData
from kervan.core.fetching import Estimate
from kervan.data.room import amount, check_space, writing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from kervan.core.fetching import Tell

ROWS = 1 << 16  # of a row group: the same rows give the same bytes, however they came
_MOST_DIGITS = 38
_INTEGER_DIGITS = 19
_YEARS = 8000 * 366  # days around 1970 in which calendars agree
_MICROSECONDS = 86_400_000_000  # of a day
_CAST = "cast it in the query"


def write_batches(batches: Iterable[pa.RecordBatch], path: Path, tell: Tell) -> int:
    """Write rows to a Parquet file and return their number.

    Where a column turns out to need a wider type than so far, a new part is begun, and at the end the parts
    are brought to one type. Raises `InvalidData` that names a column whose values have no type in common.
    """
    import pyarrow.parquet as pq

    parts: list[Path] = []
    writer, schema, rows = None, None, 0
    try:
        for table in _in_groups(batches):
            wider = table.schema if schema is None else _common(schema, table.schema)
            if writer is None or wider != schema:
                if writer is not None:
                    writer.close()
                parts.append(path.with_name(f"part-{len(parts)}"))
                writer, schema = pq.ParquetWriter(parts[-1], wider), wider
            with writing(path.parent):
                writer.write_table(_as(table, wider), row_group_size=ROWS)
            rows += table.num_rows
            check_space(table.nbytes, path.parent)
            tell(f"{rows:,} rows, {amount(sum(each.stat().st_size for each in parts))}")
    finally:
        if writer is not None:
            writer.close()
    with writing(path.parent):
        _join(parts, schema, path)
    return rows


def estimate_by(sample: Iterable[pa.RecordBatch], rows: int | None) -> Estimate:
    """Return what some rows take, judged by a few of them."""
    import pyarrow.parquet as pq

    table = next(_in_groups(sample))
    if rows is None or not table.num_rows:
        return Estimate(rows=rows)
    written = io.BytesIO()
    pq.write_table(table, written)
    share = rows / table.num_rows
    return Estimate(rows=rows, fetched=int(table.nbytes * share), stored=int(written.tell() * share))


def all_batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """Give the batches of a stream, one without rows if it has none."""
    import pyarrow as pa

    came = False
    for batch in reader:
        came = True
        yield batch
    if not came:
        yield pa.RecordBatch.from_pylist([], schema=reader.schema)


def rows_as_batches(
    names: Sequence[str], groups: Iterable[Sequence[Sequence[Any]]], types: Mapping[str, pa.DataType]
) -> Iterator[pa.RecordBatch]:
    """Turn groups of rows of a database's module into batches; `types` are those that it tells."""
    import pyarrow as pa

    came = False
    for rows in groups:
        came = True
        columns = zip(*rows, strict=True)
        arrays = [_array(values, types.get(name), name) for name, values in zip(names, columns, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, names=list(names))
    if not came:
        kinds = [types.get(name, pa.null()) for name in names]
        yield pa.RecordBatch.from_arrays([pa.array([], kind) for kind in kinds], names=list(names))


def _array(values: Sequence[Any], kind: pa.DataType | None, name: str) -> pa.Array:
    import pyarrow as pa

    first = next((each for each in values if each is not None), None)
    if isinstance(first, UUID):
        values = [None if each is None else str(each) for each in values]
    elif isinstance(first, (dict, list)):
        values = [None if each is None else json.dumps(each, ensure_ascii=False) for each in values]
    try:
        return pa.array(
            _booleans(values) if kind == pa.bool_() else values, None if kind == pa.bool_() else kind
        )
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        kinds = ", ".join(sorted({type(each).__name__ for each in values if each is not None}))
        raise InvalidData(f"column {name!r} holds values of several kinds: {kinds}", hint=_CAST) from error


def _booleans(values: Sequence[Any]) -> Sequence[Any]:
    """Read the numbers of a column that is meant to be boolean so, if they are."""
    if any(each not in {0, 1, None} for each in values):
        return values
    return [None if each is None else bool(each) for each in values]


def _in_groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Gather batches to groups of `ROWS` rows; at least one comes, maybe without rows."""
    import pyarrow as pa

    waiting: list[pa.Table] = []
    count, came = 0, False
    for batch in batches:
        waiting.append(_plain(pa.Table.from_batches([batch])))
        count += batch.num_rows
        while count >= ROWS:
            whole = _stacked(waiting)
            yield whole.slice(0, ROWS).combine_chunks()
            waiting, count, came = [whole.slice(ROWS)], count - ROWS, True
    if waiting and (count or not came):
        yield _stacked(waiting).combine_chunks()


def _stacked(tables: Sequence[pa.Table]) -> pa.Table:
    import pyarrow as pa

    schema = tables[0].schema
    for each in tables[1:]:
        schema = _common(schema, each.schema)
    return pa.concat_tables([_as(each, schema) for each in tables])


def _plain(table: pa.Table) -> pa.Table:
    """Bring what Parquet does not hold, or what readers do not know, to plain types without a loss."""
    import pyarrow as pa

    twice = [name for name, count in Counter(table.column_names).items() if count > 1]
    if twice:
        raise InvalidData(
            f"the query gives two columns {twice[0]!r}", hint=f"rename one in the query: … AS {twice[0]}_2"
        )
    columns = [_plain_column(table.column(at), field) for at, field in enumerate(table.schema)]
    return pa.table(columns, names=table.column_names)


def _plain_column(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    import pyarrow as pa

    kind = field.type
    if isinstance(kind, pa.BaseExtensionType):
        storage = pa.chunked_array([each.storage for each in column.chunks], kind.storage_type)
        if getattr(kind, "type_name", "") == "numeric":
            return _decimals(storage, field)
        if isinstance(kind, pa.UuidType):
            return pa.chunked_array(
                [pa.array([v and str(UUID(bytes=v)) for v in storage.to_pylist()], pa.string())]
            )
        return storage
    if pa.types.is_interval(kind):
        raise InvalidData(
            f"column {field.name!r} holds intervals of time", hint=f"{_CAST}, such as to seconds"
        )
    if pa.types.is_timestamp(kind) and kind.tz in {"Etc/UTC", "+00:00"}:
        column = column.cast(pa.timestamp(kind.unit, "UTC"))  # other names of the same
    if kind == pa.date32() or (pa.types.is_timestamp(kind) and kind.unit == "us"):
        _check_times(column, field.name)
    return column


def _check_times(column: pa.ChunkedArray, name: str) -> None:
    """Raise `InvalidData` for `infinity`, and for times that no calendar here has."""
    import pyarrow as pa
    import pyarrow.compute as pc

    last = int(_YEARS * (1 if pa.types.is_date32(column.type) else _MICROSECONDS))
    ends = pc.min_max(column.cast(pa.int32() if pa.types.is_date32(column.type) else pa.int64())).as_py()
    if any(each is not None and abs(each) > last for each in ends.values()):
        raise InvalidData(
            f"column {name!r} holds infinite times", hint=f"{_CAST}: NULLIF({name}, 'infinity')"
        )


def _decimals(texts: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    """Read PostgreSQL's numerics, which come as texts; those of more digits than any decimal stay texts.

    A column of no declared scale gets that of its longest fraction; one that a computation gave may have
    twenty zeros in the end.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = pc.if_else(pc.equal(texts, "nan"), pa.scalar(None, pa.string()), texts)
    if pc.any(pc.is_in(numbers, pa.array(["inf", "-inf"]))).as_py():
        raise InvalidData(
            f"column {field.name!r} holds infinite numbers", hint=f"{_CAST}: NULLIF({field.name}, 'infinity')"
        )
    if int((field.metadata or {}).get(b"POSTGRESQL:typmod", b"-1")) < 0:
        numbers = pc.replace_substring_regex(numbers, r"(\.\d+?)0+$", r"\1")
    digits = pc.utf8_ltrim(numbers, "-")
    point = pc.find_substring(digits, ".")
    length = pc.utf8_length(digits)
    scale = pc.max(pc.if_else(pc.less(point, 0), 0, pc.subtract(pc.subtract(length, point), 1))).as_py() or 0
    whole = pc.max(pc.if_else(pc.less(point, 0), length, point)).as_py() or 1
    if scale + whole > _MOST_DIGITS:
        return texts
    return numbers.cast(pa.decimal128(scale + whole, scale))


def _common(first: pa.Schema, second: pa.Schema) -> pa.Schema:
    """Return the schema in which the rows of both keep their values."""
    import pyarrow as pa

    return pa.schema(
        [(one.name, _wider(one.type, other.type, one.name)) for one, other in zip(first, second, strict=True)]
    )


def _wider(one: pa.DataType, other: pa.DataType, name: str) -> pa.DataType:
    import pyarrow as pa

    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    if all(pa.types.is_integer(each) or pa.types.is_boolean(each) for each in (one, other)):
        return pa.int64()
    if {pa.types.is_floating(one), pa.types.is_integer(one)} == {True, False} and (
        pa.types.is_floating(other) or pa.types.is_integer(other)
    ):
        return pa.float64()
    if all(map(_is_exact, (one, other))):
        scale = max(map(_scale, (one, other)))
        digits = scale + max(_digits(one) - _scale(one), _digits(other) - _scale(other))
        if digits <= _MOST_DIGITS:
            return pa.decimal128(digits, scale)
    raise InvalidData(f"column {name!r} holds {one} and {other} values", hint=_CAST)


def _is_exact(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_decimal(kind) or pa.types.is_integer(kind))


def _digits(kind: Any) -> int:
    return int(getattr(kind, "precision", _INTEGER_DIGITS))


def _scale(kind: Any) -> int:
    return int(getattr(kind, "scale", 0))


def _as(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Cast a table, or raise `InvalidData` where a value would change."""
    import pyarrow as pa

    columns = []
    for column, field in zip(table.columns, schema, strict=True):
        try:
            columns.append(column.cast(field.type))
        except pa.ArrowException as error:
            raise InvalidData(
                f"column {field.name!r}: some of its values cannot be {field.type}: {error}", hint=_CAST
            ) from error
    return pa.table(columns, schema=schema)


def _join(parts: Sequence[Path], schema: pa.Schema | None, path: Path) -> None:
    """Make one file of the parts, all in the schema that the last of them has."""
    import pyarrow.parquet as pq

    if len(parts) == 1:
        parts[0].rename(path)
        return
    with pq.ParquetWriter(path, schema) as writer:
        for part in parts:
            with pq.ParquetFile(part) as file:
                for group in range(file.num_row_groups):
                    writer.write_table(_as(file.read_row_group(group), schema), row_group_size=ROWS)
            part.unlink()
