"""Where Triton has no wheels, the tests of its kernels are skipped by name."""

from importlib.util import find_spec

import pytest


def pytest_collection_modifyitems(items):
    if find_spec("triton") is not None:
        return
    for item in items:
        chosen = item.callspec.params.values() if hasattr(item, "callspec") else ()
        if "triton" in chosen:
            item.add_marker(pytest.mark.skip(reason="Triton has no wheels for this machine"))
