"""Diagonal linear recurrence with one complex decay per step (S5)."""

from seqrec.ops.linear_scan.naive import linear_scan_naive
from seqrec.ops.linear_scan.stepwise import linear_scan

__all__ = ["linear_scan", "linear_scan_naive"]
