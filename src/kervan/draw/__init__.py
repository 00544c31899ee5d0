"""Pictures as SVG, drawn on the server: they need no script, print well, take colours from the page.

Every function takes texts as they are and escapes them, and has a `label` for readers who hear the page.
"""

from kervan.draw.bars import bars, histogram, meter, shares
from kervan.draw.chart import Band, Dots, Line, Names, Scale, chart, legend
from kervan.draw.curves import Series, curves, series, spark
from kervan.draw.graph import Node, graph
from kervan.draw.measured import calibration, folds, interval, paired, spread
from kervan.draw.parallel import Axis, parallel, tone
from kervan.draw.ranked import Ranked, ranked, reached
from kervan.draw.search import alike, attempts
from kervan.draw.swarm import swarm

__all__ = [
    "Axis",
    "Band",
    "Dots",
    "Line",
    "Names",
    "Node",
    "Ranked",
    "Scale",
    "Series",
    "alike",
    "attempts",
    "bars",
    "calibration",
    "chart",
    "curves",
    "folds",
    "graph",
    "histogram",
    "interval",
    "legend",
    "meter",
    "paired",
    "parallel",
    "ranked",
    "reached",
    "series",
    "shares",
    "spark",
    "spread",
    "swarm",
    "tone",
]
