"""What a person looks at: plots, the report, live progress."""
