"""Bucket-brigade quantum random access memory: its circuit, its noise, and what a noisy read is worth."""
