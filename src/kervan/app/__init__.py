"""What can be asked: one function for each user action, the only place where stages meet."""
