"""One session from start to end: the queue of runs, searches, judging, resuming and publishing."""
