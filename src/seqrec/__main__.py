"""Run the packaged project: ``python -m seqrec`` is ``kedro run``."""

import sys
from pathlib import Path

from seqrec.early_signals import end_quietly


def main() -> None:
    """Configure the project and hand the command line to Kedro's run command."""
    end_quietly()
    # Kedro takes a moment to import, in which Ctrl-C is to be as quiet as later.
    from kedro.framework.cli.utils import find_run_command
    from kedro.framework.project import configure_project

    configure_project(Path(__file__).parent.name)
    run = find_run_command(Path(__file__).parent.name)
    run(args=sys.argv[1:], standalone_mode=True)


if __name__ == "__main__":
    main()
