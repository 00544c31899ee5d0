"""A scorer of that part of the Portable Format for Analytics in which Kervan writes."""
