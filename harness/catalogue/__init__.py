"""What methods can do, and on which models, as trying them shows: ``docs/methods.md``, part of ``docs/models.md``."""
