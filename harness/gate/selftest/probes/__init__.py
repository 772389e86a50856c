"""Methods to test the gate on: an honest one, and others that are worse in one way each."""
