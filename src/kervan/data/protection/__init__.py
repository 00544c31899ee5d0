"""Personal data in tables: found, protected, measured, and released as aggregates."""
