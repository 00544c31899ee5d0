"""Scoring the graphs that Kervan writes without ONNX Runtime, where that is faster."""
