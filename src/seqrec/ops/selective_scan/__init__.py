"""Selective scan: a diagonal recurrence whose step, input and output matrices follow the input."""

from seqrec.ops.selective_scan.naive import selective_scan_naive
from seqrec.ops.selective_scan.stepwise import selective_scan

__all__ = ["selective_scan", "selective_scan_naive"]
