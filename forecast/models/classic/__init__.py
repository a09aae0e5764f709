"""Models of statistics: one series, its past, its calendar."""
