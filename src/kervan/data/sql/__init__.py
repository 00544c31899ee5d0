"""What users write in SQL: expressions over columns, and queries over one table."""
