"""Every parameter is known, of its type and in its range."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from seqrec.errors import ProjectError
from seqrec.parameters.tree import Parameters


def check_parameters(values: dict[str, Any], env: str | None) -> None:
    """Check the merged parameters against `seqrec.parameters.Parameters`.

    Args:
        values: As Kedro's config loader merges them.
        env: Kedro's environment; None: the default one.

    Raises:
        ProjectError: Names the first culprit, what is wrong and where to mend it.
    """
    try:
        Parameters.model_validate(values)
    except ValidationError as error:
        raise ProjectError(_explain(error, env or "smoke")) from None


def _explain(error: ValidationError, env: str) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    message = first["msg"][:1].lower() + first["msg"][1:]
    problem = {
        "extra_forbidden": "unknown parameter",
        "missing": "parameter is missing",
        "value_error": message.removeprefix("value error, "),
    }.get(first["type"], f"{message}, got {first['input']!r}")
    where = f"conf/base or conf/{env} (parameters_*.yml) or --params"
    more = error.error_count() - 1
    others = f" ({more} more)" if more else ""
    return f"{name}: {problem}; mend it in {where}{others}"
