"""The pipelines, and the training template that they share."""
