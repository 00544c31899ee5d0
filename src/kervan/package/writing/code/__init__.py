"""Source code in several languages, from one definition of every operation."""
