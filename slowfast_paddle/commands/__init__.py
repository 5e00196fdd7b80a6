"""Tools around SlowFast networks."""
