"""What uses a trained model outside a pipeline: neither Kedro nor RecBole is imported."""
