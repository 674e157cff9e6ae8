"""The built-in plugins; the folder list is the table of contents."""
