"""Encodings made of encodings."""
