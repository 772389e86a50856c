"""What methods can do, and on which models, found out by trying: ``docs/methods.md``, a table in ``docs/models.md``."""
