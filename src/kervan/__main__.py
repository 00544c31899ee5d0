"""`python -m kervan` is the command `kervan`."""

from kervan.cli import main

main()
