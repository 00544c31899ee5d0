"""The steps that make a table: each takes a table and gives one."""
