"""Deep Compression (ICLR 2016)."""
