"""PMML documents of others in the neutral form (Data Mining Group, PMML 4.4 and before)."""
