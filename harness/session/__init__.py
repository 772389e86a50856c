"""One session from start to finish: the queue of runs, searches, judging, resuming and publishing."""
