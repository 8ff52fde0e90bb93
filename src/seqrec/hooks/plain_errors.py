"""Report a `ProjectError` as its own line, without what Kedro wraps around it."""

from __future__ import annotations

from kedro.framework.hooks import hook_impl

from seqrec.errors import own_error


class PlainErrorHooks:
    """Raise the `ProjectError` inside of what a catalog wraps around it."""

    @hook_impl(trylast=True)  # after the hooks that report the error
    def on_pipeline_error(self, error: Exception) -> None:
        """Find the project's own error behind the one that ended the run."""
        own = own_error(error)
        if own is not None and own is not error:
            raise own from None
