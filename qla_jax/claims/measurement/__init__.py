"""Claims about readouts."""
