"""LSTM and GRU that name whole sequences."""
