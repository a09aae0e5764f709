"""Tuning: the space of a model, the study that searches it, its journal, and what that bought."""
