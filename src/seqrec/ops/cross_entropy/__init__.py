"""Cross-entropy of dot products with every item's embedding."""
