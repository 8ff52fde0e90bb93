"""Run the packaged project: ``python -m seqrec`` is ``kedro run``."""

import sys
from pathlib import Path

from kedro.framework.cli.utils import find_run_command
from kedro.framework.project import configure_project


def main() -> None:
    """Configure the project and hand the command line to Kedro's run command."""
    configure_project(Path(__file__).parent.name)
    run = find_run_command(Path(__file__).parent.name)
    run(args=sys.argv[1:], standalone_mode=True)


if __name__ == "__main__":
    main()
