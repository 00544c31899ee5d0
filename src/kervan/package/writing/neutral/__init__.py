"""One neutral form of a fitted pipeline: readers fill it, an interpreter answers for it, writers print it."""
