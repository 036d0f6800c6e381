"""Charts, markup and pages."""
