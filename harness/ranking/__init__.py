"""From records to ranked rows: intervals, ranks and fronts."""
