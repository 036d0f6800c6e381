"""Networks that eiesim trains itself."""
