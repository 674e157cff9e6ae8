"""Figures and the findings they show, one a file."""
