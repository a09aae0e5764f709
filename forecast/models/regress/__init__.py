"""Regressions on lags and columns."""
