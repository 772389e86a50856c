"""The built-in methods, one file each; the id of a method is its file's name."""
