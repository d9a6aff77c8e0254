"""A demo engine without weights: it echoes its input, and says so in every answer."""
