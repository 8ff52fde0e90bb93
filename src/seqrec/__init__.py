"""Continuous-time sequential recommendation: SS4Rec, fairly compared.

>>> from seqrec import Recommender
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqrec.serving.recommender import Recommender

__all__ = ["Recommender", "__version__"]
__version__ = "1.0.0"


def __getattr__(name: str) -> Any:
    """Import the public API when it is asked for: commands do not wait for torch."""
    if name == "Recommender":
        from seqrec.serving.recommender import Recommender

        return Recommender
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
