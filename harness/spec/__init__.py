"""What is requested of Tuneoff and what it records: suites, tasks, runs, records, method files, errors. No torch."""
