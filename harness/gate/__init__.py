"""Now against the accepted past, and the verdicts on each row."""
