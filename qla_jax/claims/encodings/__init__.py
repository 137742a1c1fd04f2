"""Claims about encodings."""
