"""Compile the processor's kernels once: ``python -m seqrec.ops.warm_up``, part of ``make setup``.

Numba keeps what it compiled beside the sources, so that the first run does not wait for it.
"""

from __future__ import annotations

import torch

from seqrec.ops.backend import resolve


def main() -> None:
    """Run each compiled op forward and backward on a tiny batch."""
    backend = resolve("torch", "cpu")
    x = torch.ones(1, 2, 2, requires_grad=True)
    one = torch.ones(1)
    taps = torch.ones(2, 2)
    skip = torch.ones(2)
    y, _ = backend.zoh_scan(x, torch.ones(1, 2), -one, one, one)
    y, _ = backend.causal_conv(y, taps, skip)
    y, _ = backend.selective_scan(y, x, -taps, x, x, skip, x)
    torch.autograd.backward(y.sum())


if __name__ == "__main__":
    main()
