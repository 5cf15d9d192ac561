"""Good studies, and what it takes to damage one of their files."""
