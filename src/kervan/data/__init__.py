"""Tables: read, profiled, validated, protected, split."""
