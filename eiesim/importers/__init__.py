"""Readers of layers and inputs that somebody brings, one file a format."""
