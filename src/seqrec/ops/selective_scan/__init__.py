"""Mamba's recurrence: a diagonal scan whose step, input and output matrices follow the input."""
