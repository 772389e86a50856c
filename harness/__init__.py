"""Tuneoff's harness: suite → plan → executor → runner → record → store → leaderboard."""
