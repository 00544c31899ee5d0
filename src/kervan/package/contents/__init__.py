"""What a package is: its manifest, files, cards, signature, and the one file that holds them."""
