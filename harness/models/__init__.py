"""A base model: fetched, loaded whole, proven to be what its checkpoint holds, and made fast."""
