"""Infrastructure as code: files that somebody else applies, with the program of their choice."""
