"""What a signal does before a run has begun: it ends the process at once, and without a traceback.

Python turns Ctrl-C into an exception, which shows a traceback of whatever was being imported.
`seqrec.settings` imports this module first, `python -m seqrec` before anything else. What comes
before that is not covered: the first tenths of a second of ``kedro``, in which it imports itself.
SIGTERM and SIGHUP end a process silently from its first moment on. `seqrec.hooks.interruption`
takes over when nodes run.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

OURS = {"run", "preflight", "project", "experiments"}
"""Commands that end at once; Jupyter, IPython and kedro-viz have ways of their own to end."""


def end_quietly() -> None:
    """Have Ctrl-C end this process as SIGTERM does, if nobody else has asked to hear of it."""
    mine = threading.current_thread() is threading.main_thread()
    if mine and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _is_our_command() -> bool:
    """Tell whether this process is one of the project's commands, and no notebook or test."""
    kedro = Path(sys.argv[0]).name in ("kedro", "python -m kedro")
    return kedro and bool(OURS.intersection(sys.argv[1:2]))


if _is_our_command():
    end_quietly()
