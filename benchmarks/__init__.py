"""Measures Kervan beside its peers: `python -m benchmarks`, or `python -m benchmarks tracking`."""
