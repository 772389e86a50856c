"""One run from loading to saving, in its own process: phases, meters and checks."""
