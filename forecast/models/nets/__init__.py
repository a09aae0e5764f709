"""The recurrent nets: spec, layers, cells, training."""
