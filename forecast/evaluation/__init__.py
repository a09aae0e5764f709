"""Walk-forward evaluation: folds, the backtest, metrics, and the comparison that ends in a verdict."""
