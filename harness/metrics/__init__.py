"""How answers are scored: texts and references in, figures out; heavy libraries are loaded when they are first used."""
