"""The RTL in cells of a 45 nm library, beside the prices of eiesim: docs/silicon.md."""
