"""What the package's procedures do where the truth is known: METHODS section 6 as a table."""
