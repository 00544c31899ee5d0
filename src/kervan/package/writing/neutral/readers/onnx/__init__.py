"""ONNX graphs in the neutral form: every operator by what it means for one row."""
