"""pilot-eval: evaluate a health-care pilot with few sites, honestly."""

__all__ = ["__version__"]

__version__ = "0.1.0"
