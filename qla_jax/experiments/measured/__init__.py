"""Measured networks: accuracy and cost."""
