"""Faults planted into server processes: what `FAULTS` names is read at each prediction.

Its lines are `MODEL@VERSION KIND SHARE`: such a share of the runs of that version fails, or is slow.
"""

import os
import random
import sys
import time
from pathlib import Path

if "kervan.serve.server" in sys.orig_argv and "FAULTS" in os.environ:
    from kervan.core.errors import ServerFailed
    from kervan.serve import engine

    load = engine.load_package

    class Faulty:
        def __init__(self, ref, predictor):
            self._ref, self._predictor = ref, predictor

        def predict(self, matrix):
            for line in Path(os.environ["FAULTS"]).read_text().splitlines():
                ref, kind, share = line.split()
                if ref == self._ref and random.random() < float(share):
                    if kind == "fails":
                        raise ServerFailed("planted")
                    time.sleep(0.02)
            return self._predictor.predict(matrix)

    def load_package(folder, **told):
        manifest, predictor = load(folder, **told)
        return manifest, Faulty(manifest.ref, predictor)

    engine.load_package = load_package
