"""Readers of files of other tools, one module a format."""
