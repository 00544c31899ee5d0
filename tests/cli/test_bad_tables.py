"""Every table and setting that cannot be used is refused in words, before anything is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from journeys.home import HEADER, SETTINGS, as_csv, customers

if TYPE_CHECKING:
    from journeys.home import Home

ROWS = customers(60)
GOOD = as_csv(ROWS)
CHECK = '[[data.checks]]\ncolumn = "yaş"\nbetween = [16, 100]\n[model]'


def header(**renamed: str) -> tuple[str, ...]:
    return tuple(renamed.get(name, name) for name in HEADER)


TABLES = {
    "empty file": ("", 2, "müşteriler.csv is empty", "line of column names"),
    "header only": (as_csv([]), 2, "has a header and no rows", "rows of data below"),
    "one row": (as_csv(ROWS[:1]), 2, "only 1 row, at least 10", "rows to learn from"),
    "one column": ("yaş\n1\n2\n", 2, "müşteriler.csv has only one column", 'separator = ";"'),
    "doubled name": (as_csv(ROWS, header(gelir="yaş")), 2, "'yaş' in columns 2, 4", "rename one"),
    "empty name": (
        as_csv(ROWS, header(şehir="")),
        2,
        "column 3 of the header has no name",
        "give every column",
    ),
    "short row": (GOOD + "a,b,c\n", 2, "line 62 has 3 fields, the header has 6", "mend the line"),
    "an HTML page": ("<!doctype html><p>a, b", 2, "but an HTML page", "open it in a browser"),
    "Windows-1254": (GOOD.encode("cp1254"), 2, "not UTF-8: byte 0xfc in line 1", "Windows-1254"),
    "constant target": (
        as_csv([[*row[:5], "evet"] for row in ROWS]),
        2,
        "'ayrıldı' is always 'evet'",
        "add rows with other values",
    ),
    "target mostly missing": (
        as_csv([[*row[:5], row[5] if place % 3 == 0 else ""] for place, row in enumerate(ROWS)]),
        2,
        "'ayrıldı' is missing in 40 of 60 rows",
        "choose another target",
    ),
    "rare class": (
        as_csv([*ROWS, [*ROWS[0][:5], "belki"]]),
        2,
        "classes with fewer than 6 rows: 'belki' (1)",
        "join these classes",
    ),
}

CONFIGS = {
    "misspelt setting": ("folds = 2", "fold = 2", 2, "kervan.toml: [model] fold: unknown", 'mean "folds"?'),
    "misspelt table": ("[model]", "[modell]", 2, "kervan.toml: [modell]: unknown", 'mean "model"?'),
    "text for a number": ("folds = 2", 'folds = "iki"', 2, "[model] folds: 'iki' is not a whole number", ""),
    "number for a text": ('"müşteriler.csv"', "7", 2, "[data] source: 7 is not a text", ""),
    "broken TOML": ("[model]", "[[[model", 2, "kervan.toml: ", "https://toml.io"),
    "missing file": ("müşteriler.csv", "müsteriler.csv", 3, "there is no file", 'mean "müşteriler.csv"?'),
    "a pattern without files": (
        "müşteriler.csv",
        "*.avro",
        3,
        "'*.avro' matches no table",
        "check the pattern",
    ),
    "an address": (
        "müşteriler.csv",
        "gopher://x.y/z.csv",
        2,
        "nothing here fetches from gopher://",
        "known: http",
    ),
    "wrong delimiter": (
        "[model]",
        'separator = ";"\n[model]',
        2,
        "one column when read with separator",
        "change",
    ),
    "no target": ('target = "ayrıldı"', "", 2, "no target is set", "[data] target"),
    "unknown target": ('"ayrıldı"', '"ayrildi"', 2, "no column 'ayrildi'", 'mean "ayrıldı"?'),
    "protected target": ('"müşteri" = ', '"ayrıldı" = ', 2, "'ayrıldı' is the target", "remove the rule"),
    "unknown protection": ('"hash"', '"haş"', 2, "'haş' for 'müşteri' is no action", "drop, hash"),
    "protection of nothing": ('"müşteri" = ', '"müsteri" = ', 2, "no column 'müsteri'", 'mean "müşteri"?'),
    "shares": ("[model]", "split = { train = 0.9 }\n[model]", 2, "the shares add up to 1.1", "split = {"),
    "check of nothing": ("[model]", CHECK.replace("yaş", "yas"), 2, "no such column", 'mean "yaş"?'),
    "check without column": (
        "[model]",
        "[[data.checks]]\nunique = true\n[model]",
        2,
        "unique is for one column",
        "",
    ),
    "no family": ('["linear"]', "[]", 2, "no model family is named", "linear, logistic"),
    "unknown family": ('["linear"]', '["lineer"]', 2, "no model family 'lineer'", 'mean "linear"?'),
    "one fold": ("folds = 2", "folds = 1", 2, "[model] folds: 1 is too few", "at least 2"),
    "too many folds": ("folds = 2", "folds = 900", 2, "rows for 900 folds", "lower `[model] folds`"),
    "no such place": ("port = 0", 'port = 0\ntarget = "lokal"', 2, "no target 'lokal'", 'mean "local"?'),
    "no number of cores": ("port = 0", "port = 0\ncpu = nan", 2, "cpu: nan cores", "0.001 to 4096"),
    "too many cores": ("port = 0", "port = 0\ncpu = inf", 2, "cpu: inf cores", "0.001 to 4096"),
    "most too few": ("port = 0", "port = 0\nworkers = 3\nmost_workers = 2", 2, "2 cannot", "from 3 to"),
    "memory": ("port = 0", 'port = 0\nmemory = "çok"', 2, "[release] memory: 'çok' is not a", "500 MB"),
    "no memory": ("port = 0", 'port = 0\nmemory = "0 MB"', 2, "'0 MB' is nothing", "leave it out"),
    "idle": ("port = 0", 'port = 0\nidle = "az"', 2, "[release] idle: 'az' is not a", "30m"),
    "idle gRPC": ("port = 0", 'port = 0\nidle = "1m"\ngrpc_port = 0', 2, "asks by gRPC", "idle or"),
    "negative cores": ("port = 0", "port = 0\ncpu = -1.0", 2, "-1 cores cannot be had", "0.5"),
    "negative seed": ("folds = 2", "folds = 2\nseed = -1", 2, "[model] seed: -1", "from 0 to 4,294,967,295"),
    "unknown task": ("folds = 2", 'folds = 2\ntask = "sınıf"', 2, "'sınıf' is no task", "classification"),
    "texts for regression": (
        "folds = 2",
        'folds = 2\ntask = "regression"',
        2,
        "is no number",
        "classification",
    ),
    "unknown metric": (
        "folds = 2",
        'goal = { metric = "roc_acu" }',
        2,
        "'roc_acu' does not exist",
        '"roc_auc"?',
    ),
    "unknown format": (
        "[release]",
        '[package]\nformats = ["onyx"]\n[release]',
        2,
        "no format 'onyx'",
        '"onnx"?',
    ),
    "no format": ("[release]", "[package]\nformats = []\n[release]", 2, "formats: none is named", '["onnx"]'),
    "port too large": ("port = 0", "port = 99999", 2, "[release] port: 99999", "from 0 to 65,535"),
    "open to others": (
        "port = 0",
        'port = 0\nhost = "0.0.0.0"',
        4,
        "over the network for all to read",
        "--behind-proxy",
    ),
    "environment's name": ('"üretim"', '"üre tim"', 2, "'üre tim' cannot name an environment", "use letters"),
    "project's name": ('"müşteri-kaybı"', '"a/b"', 2, "'a/b' cannot name a dataset", "use letters"),
    "another database": (
        "[model]",
        '[workspace]\ncatalog = "mysql://x"\n[model]',
        2,
        "'mysql' is no",
        "sqlite:///",
    ),
    "unreachable database": (
        "[model]",
        '[workspace]\ncatalog = "postgresql://kervan@127.0.0.1:1/yok"\n[model]',
        6,
        "Connection refused",
        "is the database running",
    ),
    "unknown store": (
        "[model]",
        '[workspace]\nblobs = "yok://x"\n[model]',
        2,
        "[workspace] blobs: yok://x",
        "fsspec",
    ),
}


@pytest.mark.parametrize("case", TABLES)
def test_broken_tables_are_refused_in_words(home: Home, case: str) -> None:
    content, code, message, hint = TABLES[case]
    home.write("müşteriler.csv", content)
    home.write("kervan.toml", SETTINGS)
    refused(home, code, message, hint)


@pytest.mark.parametrize("case", CONFIGS)
def test_settings_that_cannot_work_are_refused_in_words(home: Home, case: str) -> None:
    old, new, code, message, hint = CONFIGS[case]
    assert SETTINGS.count(old) >= 1
    home.start(60, SETTINGS.replace(old, new, 1))
    refused(home, code, message, hint)


def refused(home: Home, code: int, message: str, hint: str) -> None:
    """The error says what and what to do; nothing half done is kept, and no file lies about."""
    reply = home.ask("run", "--quiet", code=code)
    assert reply.out == ""
    assert reply.err.startswith("error: ")
    assert message in reply.err
    assert f" hint: {hint}" in reply.err or hint in reply.err.partition(" hint: ")[2]
    as_json = home.ask("run", "--quiet", "--json", code=code)
    assert as_json.out == ""
    assert message in as_json.problem["message"]
    home.write("kervan.toml", SETTINGS)
    assert home.ask("models", "--json").json == []
    assert home.ask("releases", "--json").json == []
    assert {finding["verdict"] for finding in home.ask("doctor", "--json").json} == {"passed"}
    assert not list(home.folder.rglob(".part-*"))


def test_a_failed_check_names_the_row_and_the_value(home: Home) -> None:
    broken = [list(row) for row in ROWS]
    broken[3][1] = 999
    home.start(60, SETTINGS.replace("[model]", CHECK, 1))
    home.write("müşteriler.csv", as_csv(broken))
    reply = home.ask("run", code=2)
    assert "müşteriler.csv does not pass its checks" in reply.err
    assert "column 'yaş': 1 value is not between 16 and 100 (row 4: 999)" in reply.err
    assert home.ask("data", "--json").json == []
    home.write("müşteriler.csv", GOOD)
    assert home.ask("data", "ingest", "--json").json["rows"] == 60


def test_a_byte_order_mark_is_no_part_of_a_name(home: Home) -> None:
    home.start(60)
    home.write("müşteriler.csv", "\ufeff" + GOOD)
    home.write("kervan.toml", "\ufeff" + SETTINGS)
    assert home.ask("data", "ingest", "--json").json["schema"]["columns"][0]["name"] == "müşteri"


def test_a_table_that_is_a_pipe_is_refused_without_waiting_for_it(home: Home) -> None:
    import os

    home.start(60)
    (home.folder / "müşteriler.csv").unlink()
    os.mkfifo(home.folder / "müşteriler.csv")
    assert "is no file" in home.ask("run", code=2).err
