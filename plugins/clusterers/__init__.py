"""Clusterers, one a file."""
