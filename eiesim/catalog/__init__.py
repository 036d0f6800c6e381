"""What a name or a file is, decided in one place."""
