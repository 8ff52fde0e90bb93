"""What is checked on a rented machine before money is spent: ``kedro preflight``."""
