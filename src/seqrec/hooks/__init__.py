"""Kedro hooks: checks before a run, and what a run was."""
