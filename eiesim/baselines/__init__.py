"""What others take for the same layers: published numbers."""
