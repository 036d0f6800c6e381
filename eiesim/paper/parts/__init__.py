"""Work that several experiments share."""
