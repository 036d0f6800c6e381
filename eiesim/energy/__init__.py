"""Energy of a run, which is counts times prices, each with its source; area and clock of a chip."""
