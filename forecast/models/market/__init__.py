"""Models of volatility."""
