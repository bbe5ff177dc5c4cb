"""Which bucket logs where, and is it right? Asked of S3 itself; the clients are handed in."""
