"""The profile of any table that can be read, without a project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.core.config import DataSettings
from kervan.core.errors import InvalidInput, did_you_mean
from kervan.core.nouns import Finding
from kervan.core.plugins import extras_named
from kervan.data.columns import infer_schema, unseen
from kervan.data.ingest import load
from kervan.data.names import check_unreserved
from kervan.data.profile import Profile, profile
from kervan.data.protection.find import find_personal, findings, private_columns
from kervan.data.seen import seen
from kervan.data.sources.kinds import kind_of
from kervan.data.sources.packed import beginning, packing_of, start_of
from kervan.data.validate import validate
from kervan.flow.table import as_texts

if TYPE_CHECKING:
    import polars as pl

LARGE_CELLS = 50_000_000  # 400 MB: a Parquet file of more passes in batches
MOST_SAMPLES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class TableProfile:
    """A table's figures, what was found in it, and the first rows as texts if they were asked for.

    `passed` says that the table was read in batches: neither columns that give the target away nor those
    that tell of persons were looked for.
    """

    source: str
    profile: Profile
    findings: tuple[Finding, ...]
    samples: tuple[tuple[str, ...], ...] = ()
    passed: bool = False


def profile_table(
    source: str | Path | pl.DataFrame, target: str = "", *, samples: int = 0, folder: Path | None = None
) -> TableProfile:
    """Profile a file, a folder or pattern of files, or a frame; nothing is stored.

    A Parquet file of more than 50 million cells passes in bounded memory. Raises `InvalidInput` if there is
    no column `target`, and what reading raises.
    """
    if not 0 <= samples <= MOST_SAMPLES:
        raise InvalidInput(f"{samples} rows cannot be shown", hint=f"ask for 0 to {MOST_SAMPLES}")
    with extras_named():
        import polars as pl
    if isinstance(source, pl.DataFrame):
        return _of_table("the table", source, (), target, samples)
    path = (folder or Path()) / source
    if _is_large(path):
        found = profile(path, None, target)
        first = pl.scan_parquet(path, glob=False).head(samples).collect() if samples else pl.DataFrame()
        return TableProfile(
            source=str(source), profile=found, findings=found.findings, samples=_rows(first), passed=True
        )
    loaded = load(str(source), folder or Path(), DataSettings())
    return _of_table(str(source), loaded.table, loaded.warnings, target, samples)


def _of_table(
    source: str, table: pl.DataFrame, warnings: tuple[Finding, ...], target: str, samples: int
) -> TableProfile:
    check_unreserved(table.columns, source)
    if target and target not in table.columns:
        raise InvalidInput(f"there is no column {target!r}", hint=did_you_mean(target, table.columns))
    settings = DataSettings(target=target)
    hidden = unseen(table, settings)
    telling = seen(table, target, hidden) if target else None
    personal = tuple(findings(find_personal(table, hidden={target})))
    private = private_columns(settings, personal)
    found = profile(table, infer_schema(table, settings), target, telling, private)
    checked = validate(table, settings, [*personal, *warnings], hidden)
    return TableProfile(
        source=source,
        profile=found,
        findings=found.with_findings(checked),
        samples=_rows(table.head(samples)),
    )


def _rows(table: pl.DataFrame) -> tuple[tuple[str, ...], ...]:
    texts = [as_texts(column).fill_null("").to_list() for column in table.get_columns()]
    return tuple(zip(*texts, strict=True))


def _is_large(path: Path) -> bool:
    """Say whether there is a Parquet file of so many cells that it passes in batches."""
    import polars as pl

    if not path.is_file() or packing_of(start_of(path)) or kind_of(beginning(path)) != "parquet":
        return False
    try:
        lazy = pl.scan_parquet(path, glob=False, hive_partitioning=False)
        columns = len(lazy.collect_schema())
        rows = lazy.select(pl.len()).collect().item()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        return False  # reading it says what is wrong
    return int(rows) * columns > LARGE_CELLS
