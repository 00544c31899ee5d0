"""The safe native format: a scikit-learn model as a description of its objects and plain arrays."""
