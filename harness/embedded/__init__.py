"""The model and the data that come with Tuneoff, and how they were made."""
