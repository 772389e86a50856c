"""Where runs happen: processes of this machine, started fresh for each run and always ended."""
