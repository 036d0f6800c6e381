"""Questions to the simulator, one file each: layers, networks, texts, chips, comparisons."""
