"""Parts that all experiments share: items, directories, statistics."""
