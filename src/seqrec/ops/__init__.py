"""Pure functions on tensors: a folder is an op, a file in it a backend, `naive` the reference."""
