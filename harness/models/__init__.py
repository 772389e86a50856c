"""A base model: downloaded, loaded in full, checked against its checkpoint, made fast, and known by its parts."""
