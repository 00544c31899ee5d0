"""Looking at files from elsewhere without trusting them: what they are, and whether they could do harm."""
