"""What others take for the same layers: published, measured here, or bound by a roofline."""
