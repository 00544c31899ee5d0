"""The user's checks: what they may say, how they become questions to a table, and what a table answers."""
