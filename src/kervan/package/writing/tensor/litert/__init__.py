"""LiteRT: a form as a model of its operators, the file that holds it, and the interpreter that runs it."""
