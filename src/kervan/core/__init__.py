"""Nouns, ports, errors, schema, identity, configuration and plug-ins: the standard library alone."""
