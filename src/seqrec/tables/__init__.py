"""What tables mean: names of columns, contracts, schemas, protocols."""
