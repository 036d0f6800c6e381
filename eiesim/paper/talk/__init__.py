"""The authors' talk on Deep Compression, statement by statement."""
