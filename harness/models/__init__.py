"""A base model: downloaded, loaded in full, checked against its checkpoint, and made fast."""
