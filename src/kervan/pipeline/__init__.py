"""Steps and pipelines on plain functions: cached by content, recorded, in parallel processes."""
