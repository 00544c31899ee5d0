"""Models that somebody trained elsewhere: found out, read without running them, and fitted to a signature."""
