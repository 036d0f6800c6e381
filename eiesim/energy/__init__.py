"""What a run costs: counts times prices, each price with its source; and what the chip measures."""
