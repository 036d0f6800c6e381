"""The papers' tables again, one file each."""
