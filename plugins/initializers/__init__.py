"""Initializers, one family a file."""
