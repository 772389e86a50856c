"""Side-by-side measurements in one job: each module is a script that prints ratios; see docs/performance.md."""
