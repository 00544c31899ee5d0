"""The project in a browser: every page and button is one function of `kervan.app`, as on the command line."""
