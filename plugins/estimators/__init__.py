"""Supervised learners, one a file."""
