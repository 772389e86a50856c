"""One run from load to save, in its own process: phases, meters and checks."""
