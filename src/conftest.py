"""What pytest leaves out where it cannot be imported: Triton's kernels, without Triton."""

import importlib.util

if importlib.util.find_spec("triton") is None:
    collect_ignore_glob = ["seqrec/ops/*/triton*.py"]
