"""A model in files that can leave: manifest, formats, and the proof that each answers like the original."""
