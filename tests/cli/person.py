"""A customer as callers send one."""

PERSON = {"yaş": 39, "şehir": "İstanbul", "gelir": 20_000.5, "0": 0.5}
