"""Hydra configuration: what composes a run."""
