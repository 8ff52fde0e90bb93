"""Which command makes a dataset anew."""

from __future__ import annotations

from kedro.framework.project import pipelines


def find_pipeline(name: str) -> str | None:
    """Return the smallest registered pipeline that makes a dataset; None if there is none.

    Args:
        name: The dataset's name in the catalog, with or without ``@``.
    """
    plain = name.split("@")[0]  # interactions@pandas: one file, several ways to read it
    making = {
        pipeline_name: len(pipeline.nodes)
        for pipeline_name, pipeline in pipelines.items()
        if plain in {output.split("@")[0] for output in pipeline.all_outputs()}
    }
    return min(making, key=lambda pipeline_name: making[pipeline_name], default=None)


def make_anew(name: str | None) -> str:
    """Say how to make a dataset anew.

    Args:
        name: The dataset's name in the catalog; None if it is not known.
    """
    pipeline = find_pipeline(name) if name else None
    if pipeline:
        return f"`kedro run --pipelines {pipeline}` makes it anew"
    return "run again what writes it"
