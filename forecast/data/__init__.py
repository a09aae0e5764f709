"""From a file to windows: the panel, its clock, the reader, scaling and windowing."""
