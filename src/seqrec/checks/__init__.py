"""Checks that save time and money before a run: one module per check.

`seqrec.hooks.preflight` runs the quick ones before every run; ``kedro preflight`` runs those of
`seqrec.checks.preflight`, the slow ones included, and prints a line for each.
"""
