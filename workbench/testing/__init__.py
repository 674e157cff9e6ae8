"""Conformance checks, for authors of plugins to call in their own tests as ours do."""

from workbench.testing.metrics import check_metric

__all__ = ["check_metric"]
