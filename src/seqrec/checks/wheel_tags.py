"""Name the prebuilt wheel of mamba-ssm and causal-conv1d that fits this Python, torch and CUDA.

Run by path with an environment's Python, before this package's own dependencies are installed.
"""

from __future__ import annotations

import sys

TORCH = ("2.6", "2.7", "2.8", "2.9", "2.10")
"""Versions of torch for which both projects publish wheels."""

CUDA = ("11", "12", "13")

PYTHON = ((3, 11), (3, 12), (3, 13))


def wheel_tags(torch: str, cuda: str | None, abi: bool, python: tuple[int, int]) -> str:
    """Spell what follows ``<name>-<version>+`` in the wheels' names.

    Args:
        torch: Its version, e.g. ``2.8.0+cu128``.
        cuda: The CUDA version torch was built for; None: none.
        abi: Whether torch was built with C++11's ABI.
        python: Major and minor version.

    Raises:
        ValueError: No such wheel is published.

    >>> wheel_tags("2.8.0+cu128", "12.8", True, (3, 12))
    'cu12torch2.8cxx11abiTRUE-cp312-cp312-linux_x86_64.whl'
    """
    short = ".".join(torch.split("+")[0].split(".")[:2])
    major = (cuda or "none").split(".")[0]
    if short not in TORCH or major not in CUDA or python not in PYTHON:
        raise ValueError(f"torch {torch}, CUDA {cuda or 'none'}, Python {python[0]}.{python[1]}")
    version = f"cp{python[0]}{python[1]}"
    names = f"cu{major}torch{short}cxx11abi{str(abi).upper()}"
    return f"{names}-{version}-{version}-linux_x86_64.whl"


def main() -> None:
    """Print the tags of this Python's torch; status 1 if there is no wheel."""
    import torch

    found = (torch.__version__, torch.version.cuda, torch._C._GLIBCXX_USE_CXX11_ABI)
    try:
        print(wheel_tags(*found, sys.version_info[:2]))
    except ValueError as error:
        print(error)
        sys.exit(1)


if __name__ == "__main__":
    main()
