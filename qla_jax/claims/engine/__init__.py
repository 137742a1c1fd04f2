"""What a claim is, and how it is examined and attacked."""
