"""Rendering of reports: figures, a self-contained page, and tables, from plain numbers alone."""
