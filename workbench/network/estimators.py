"""The network as scikit-learn estimators."""

from __future__ import annotations
