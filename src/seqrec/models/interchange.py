"""State dicts of `s5.S5` in and out, bit for bit; Mamba's are `mamba_ssm.Mamba`'s already."""

from __future__ import annotations

import torch
from torch import Tensor

_SAME = ("B", "D", "log_step")


def s5_from_official(official: dict[str, Tensor]) -> dict[str, Tensor]:
    """Turn `s5.S5.state_dict()` into the state dict of `seqrec.models.s5.S5`.

    Args:
        official: ``seq.Lambda`` and ``seq.C`` complex, and the others.

    Returns:
        The same values in real tensors.
    """
    plain = {name.removeprefix("seq."): value for name, value in official.items()}
    return {
        "Lambda_re": plain["Lambda"].real.clone(),
        "Lambda_im": plain["Lambda"].imag.clone(),
        "C": torch.view_as_real(plain["C"]).clone(),
        **{name: plain[name] for name in _SAME},
    }


def s5_to_official(ours: dict[str, Tensor]) -> dict[str, Tensor]:
    """Turn the state dict of `seqrec.models.s5.S5` into one that `s5.S5` loads.

    Args:
        ours: Real tensors.

    Returns:
        The same values, complex where the official layer holds complex parameters.
    """
    plain = {
        "Lambda": torch.complex(ours["Lambda_re"], ours["Lambda_im"]),
        "C": torch.view_as_complex(ours["C"].contiguous()),
        **{name: ours[name] for name in _SAME},
    }
    return {f"seq.{name}": value for name, value in plain.items()}
