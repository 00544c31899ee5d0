"""The families of models that can be tried: how each is built, what can be varied, how simple it is."""
