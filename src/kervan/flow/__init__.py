"""Steps and pipelines, run on record."""
