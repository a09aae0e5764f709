"""Inside a fitted model: what made a forecast, what a net holds, what a column is used for."""
