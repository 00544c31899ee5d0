"""Places where a release can live."""
