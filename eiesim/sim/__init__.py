"""The machine: the answer without time, bounds on the time, and two engines that must agree."""
