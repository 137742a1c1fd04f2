"""How experiments run: items, directories, statistics."""
