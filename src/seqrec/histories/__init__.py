"""Interactions as flat arrays, and the windows, batches and negatives cut from them."""
