"""Kervan from Python: the same actions as the command line, results that show themselves."""
