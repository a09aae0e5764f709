"""Whole sequences, and which class each is of: a label for a review, a spoken digit, a week of weather."""
