"""Checks that save an hour or a bill: one module a check.

`seqrec.hooks.preflight` makes the quick ones before every run; ``kedro preflight`` makes those of
`seqrec.checks.preflight`, the slow ones included, and prints a line for each.
"""
