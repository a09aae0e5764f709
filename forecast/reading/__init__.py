"""The door: a file becomes a Panel. Only `read` leaves it; `Reading`, its parameter, is in `data/`."""
