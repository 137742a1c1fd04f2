"""Claims about transforms."""
