"""Helm: the same objects as for Kubernetes, as a chart whose values differ between environments."""
