"""Kubernetes, and what stands on it: the clusters of clouds, Helm, KServe, Seldon."""
