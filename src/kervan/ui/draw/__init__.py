"""Pictures as SVG, drawn on the server: they need no script, print well, take colours from the page.

Every function takes texts as they are and escapes them, and has a `label` for readers who hear the page.
"""

from kervan.ui.draw.bars import bars, histogram, meter, shares
from kervan.ui.draw.curves import Series, curves, series, spark
from kervan.ui.draw.graph import Node, graph
from kervan.ui.draw.measured import calibration, folds, interval, paired, spread
from kervan.ui.draw.parallel import Axis, parallel, tone

__all__ = [
    "Axis",
    "Node",
    "Series",
    "bars",
    "calibration",
    "curves",
    "folds",
    "graph",
    "histogram",
    "interval",
    "meter",
    "paired",
    "parallel",
    "series",
    "shares",
    "spark",
    "spread",
    "tone",
]
