"""Makes ocelli's default detector from the weights that a package registry publishes."""
