"""Questions asked of the simulator: runs of layers, and the papers' tables again."""
