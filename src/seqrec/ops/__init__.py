"""Pure functions on tensors: each has a plain fp64-capable ``naive`` twin that is the law."""
