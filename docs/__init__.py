"""The manual: pages, and what Sphinx makes of them."""
