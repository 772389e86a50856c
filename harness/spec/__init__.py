"""What is requested of Tuneoff and what it records: suites, runs, records, method files, errors. No torch."""
