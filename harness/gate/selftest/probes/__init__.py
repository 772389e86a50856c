"""Methods that the gate is tried on: an honest one, and ones that are worse than it in one way each."""
