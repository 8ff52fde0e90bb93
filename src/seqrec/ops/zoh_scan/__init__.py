"""S5's recurrence: zero-order hold and a diagonal complex scan with an interval per step."""
