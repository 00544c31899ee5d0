"""Kervan from Python: the same actions as the command line, with results that show themselves."""
