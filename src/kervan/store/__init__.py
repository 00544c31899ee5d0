"""What must not be lost: records with their lineage, files by content, the chained events, the keys."""
