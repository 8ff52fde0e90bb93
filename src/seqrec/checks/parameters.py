"""Every parameter is known, of its type and in its range."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from seqrec.errors import ProjectError, suggest
from seqrec.experiments import CHOSEN_BY, FOLDER
from seqrec.parameter_tree import Parameters
from seqrec.services import redact

SETTINGS = ("dataset", "raw", "mirror", "data", "source")
"""What globals.yml holds, and a command line may set like a parameter."""

_UNION = re.compile(r"(str|int|float|bool|none|constrained-.*|function-.*|literal\[.*|[A-Z].*)$")
"""How pydantic names the kinds that a value may have, amid the names of parameters."""


def check_parameters(values: dict[str, Any], env: str | None) -> None:
    """Check the merged parameters against `seqrec.parameter_tree.Parameters`.

    Args:
        values: As Kedro's config loader merges them.
        env: Kedro's environment; None: the default one.

    Raises:
        ProjectError: Names the first culprit, what is wrong and where to mend it.
    """
    try:
        Parameters.model_validate(values)
    except ValidationError as error:
        named = values.get(CHOSEN_BY)
        raise ProjectError(redact(_explain(error, env or "smoke", named))) from None


def _explain(error: ValidationError, env: str, experiment: str | None) -> str:
    first = error.errors()[0]
    parts = [part for part in map(str, first["loc"]) if not _UNION.match(part)]
    name = ".".join(parts) or "parameters"
    message = first["msg"][:1].lower() + first["msg"][1:]
    problem = {
        "extra_forbidden": f"unknown parameter{_suggest(name)}",
        "missing": "parameter is missing",
        "value_error": message.removeprefix("value error, "),
    }.get(first["type"], f"{message}, got {reprlib.repr(first['input'])}")
    kind = "globals.yml" if name.split(".")[0] in SETTINGS else "parameters_*.yml"
    file = f"conf/{FOLDER}/{experiment}.yml, " if experiment else ""
    where = f"{file}conf/base, conf/{env} or conf/local ({kind}), or --params"
    more = error.error_count() - 1
    others = f" ({more} more)" if more else ""
    return f"{name}: {' '.join(problem.split())}; mend it in {where}{others}"


def _suggest(name: str) -> str:
    """Suggest a parameter of the same last name in some block, or else of a similar one."""
    known = list(parameter_names())
    elsewhere = [other for other in known if other.split(".")[-1] == name.split(".")[-1]]
    # Who names neither block means the training's epochs, not those of a search's trials.
    elsewhere = [other for other in elsewhere if ".search." not in other] or elsewhere
    return suggest(name, elsewhere or known)


def parameter_names(block: type[BaseModel] = Parameters, prefix: str = "") -> Iterator[str]:
    """Yield the dotted name of every parameter of a block, and of every block in it."""
    for name, field in block.model_fields.items():
        yield f"{prefix}{name}"
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from parameter_names(kind, f"{prefix}{name}.")
