"""Metrics, each with the centre rule that belongs to it, one a file."""
