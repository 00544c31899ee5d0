"""How models are written: the neutral form, the writers by kind of language, the formats over them."""
