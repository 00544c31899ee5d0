"""Writes the forest as C by a peer, in the peer's own environment; prints the seconds that this took."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from forest import fit_forest

M2CGEN_ROW = """
void score(double *input, double *output);
void score_row(const double *x, double *y) { score((double *)x, y); }
"""
TL2CGEN_ROW = """
#include "header.h"
void score_row(const double *x, double *y) {
    union Entry row[64];
    for (int i = 0; i < 64; i++) row[i].fvalue = x[i];
    for (int i = 0; i < 10; i++) y[i] = 0.0;
    predict(row, 0, y);
}
"""


def write_m2cgen(forest: Any, folder: Path) -> None:
    import m2cgen

    sys.setrecursionlimit(100_000)
    (folder / "main.c").write_text(m2cgen.export_to_c(forest))
    (folder / "row.c").write_text(M2CGEN_ROW)


def write_tl2cgen(forest: Any, folder: Path) -> None:
    import tl2cgen
    import treelite

    tl2cgen.generate_c_code(treelite.sklearn.import_model(forest), dirpath=str(folder), params={})
    (folder / "row.c").write_text(TL2CGEN_ROW)


if __name__ == "__main__":
    fitted = fit_forest()
    started = time.perf_counter()
    {"m2cgen": write_m2cgen, "tl2cgen": write_tl2cgen}[sys.argv[1]](fitted, Path(sys.argv[2]))
    print(time.perf_counter() - started)
