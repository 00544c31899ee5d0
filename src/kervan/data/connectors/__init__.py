"""Where tables are fetched from: files here, places by URL, databases."""
