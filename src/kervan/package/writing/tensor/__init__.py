"""A model in the neutral form as a program of tensor operations, for the frameworks that run those."""
