"""The training engine: steps, schedules, state, checkpoints, signals, processes, callbacks."""
