"""A mistake is told in the line that was written for it, not in Kedro's wrapping."""

from __future__ import annotations

from kedro.framework.hooks import hook_impl

from seqrec.errors import own_error


class PlainErrorHooks:
    """Raise the `ProjectError` inside of what a catalog wraps around it."""

    @hook_impl(trylast=True)  # whoever else is to be told has been told
    def on_pipeline_error(self, error: Exception) -> None:
        """Find the project's own error behind the one that ended the run."""
        own = own_error(error)
        if own is not None and own is not error:
            raise own from None
