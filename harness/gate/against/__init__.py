"""Now against another revision of the project: both sides by turns, in the same job."""
