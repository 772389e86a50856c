"""The only reader and writer of the files of runs; it also writes the files of the leaderboard."""
