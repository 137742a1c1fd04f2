"""What coherent networks cost."""
