"""The five pipelines and the training template they share."""
