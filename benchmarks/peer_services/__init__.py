"""One small service for each peer, as its own documentation writes it; each runs with the peer's Python."""
