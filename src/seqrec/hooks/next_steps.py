"""The end of a run: where its report lies, and what to do next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from rich import get_console
from rich.text import Text

from seqrec.artefacts.latest import show_latest
from seqrec.hooks.run_facts import first_process
from seqrec.parameter_tree import Parameters
from seqrec.project import locate
from seqrec.terminal.next_steps import Chosen, Step, how_to_activate, next_steps
from seqrec.terminal.screen import is_screen, print_line

REPORT = "report"


class NextStepHooks:
    """Name the report that a run has made, and say what can follow."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Remember how much is to be said; `PreflightHooks` has checked the parameters."""
        parameters = Parameters.model_validate(context.config_loader["parameters"])
        self._quiet = parameters.runtime.log_level in ("warning", "error")
        self._held_out = parameters.data_processing.split != "all"

    @hook_impl
    def after_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Print three lines, the last of a run."""
        made = pipeline.all_outputs()
        report = _show_report(catalog) if REPORT in made else ""
        if not first_process():
            return
        if self._quiet:
            if report:
                print_line(f"Report: {report}")
            return
        steps = next_steps(made, lambda name: bool(catalog.exists(name)), report, self._held_out)
        if steps:
            chosen = Chosen(run_params["env"], run_params.get("runtime_params") or {})
            print_line(lay_out(steps, chosen))


def _show_report(catalog: DataCatalog) -> str:
    """Return the fixed path that leads to the newest report, as seen from here."""
    path = show_latest(locate(catalog.get(REPORT)))
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def lay_out(steps: list[Step], chosen: Chosen) -> Text:
    """Lay out steps, each in a line that the screen has room for.

    Args:
        steps: What to do.
        chosen: What the run was started with.
    """
    width = max(len(step.what) for step in steps)
    full = [chosen.command(step) for step in steps]
    console = get_console()
    room = console.width - width - 4
    brief = is_screen(console) and max(map(len, full)) > room
    commands = [chosen.command(step, brief=True) for step in steps] if brief else full
    text = Text("\nWhat to do next", style="bold")
    if activate := how_to_activate():
        text.append(f", after {activate}", style="not bold")
    for step, command in zip(steps, commands, strict=True):
        text.append(f"\n  {step.what:{width}}", style="not bold")
        text.append(f"  {command}", style="not bold cyan")
    if any("…" in command for command in commands):
        text.append(
            "\n  … stands for the --env, --experiment and --params of this run",
            style="not bold dim",
        )
    return text
