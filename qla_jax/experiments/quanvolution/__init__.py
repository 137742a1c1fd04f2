"""Quanvolutional networks and barren plateaus."""
