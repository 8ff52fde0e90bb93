"""Checks before a run; a module each. Used by a hook and by ``kedro preflight``."""
