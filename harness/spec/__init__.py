"""What is asked of Tuneoff and what is recorded of it: suites, runs, records, methods by file, errors. No torch."""
