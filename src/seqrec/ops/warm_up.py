"""Compile the processor's kernels once: ``python -m seqrec.ops.warm_up``, part of ``make setup``.

Numba keeps what it compiled beside the sources, so that the first run does not wait for it.
"""

from __future__ import annotations

import torch

from seqrec.ops.backend import resolve


def main() -> None:
    """Run each compiled op forward and backward on a tiny batch."""
    backend = resolve("torch", "cpu")
    sequence, interval = torch.ones(1, 2, 2, requires_grad=True), torch.ones(1, 2)
    vector, matrix = torch.ones(1), -torch.ones(2, 2)
    y, _ = backend.zoh_scan(sequence, interval, -vector, vector, vector)
    y, _ = backend.causal_conv(y, torch.ones(2, 2), torch.ones(2))
    z, _ = backend.selective_scan(y, sequence, matrix, sequence, sequence, torch.ones(2), sequence)
    torch.autograd.backward(z.sum())


if __name__ == "__main__":
    main()
