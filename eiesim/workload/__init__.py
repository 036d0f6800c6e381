"""Where layers and inputs come from when nobody brings any: named shapes, drawn operands."""
