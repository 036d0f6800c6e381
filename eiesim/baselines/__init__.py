"""Times of other platforms for the same layers: published, measured, or bound by a roofline."""
