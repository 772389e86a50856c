"""What each method can do, found out by trying it: ``docs/methods.md``."""
