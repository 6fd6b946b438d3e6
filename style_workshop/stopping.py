"""After the stop button of Jupyter: the cell shows what there is, and is the last.

Work that is stopped returns what it has, so its cell comes to its end and shows the
picture so far. To Jupyter that is a success, and Run All would go on to the next long
cell, which nobody who presses stop wants.
"""

import os
import sys
from typing import Any

#: This variable of the environment, set to ``go on``, lets Run All go on all the same.
SETTING = "STYLE_WORKSHOP_AFTER_STOP"


class Stopped(Exception):
    """What the kernel reports of a cell that came to its end after the stop button."""


def stop_notebook() -> None:
    """Let the cell that runs come to its end, and no further one of Run All begin.

    Does nothing outside of a notebook, or where `SETTING` says so.
    """
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython else None
    if not hasattr(shell, "kernel") or os.environ.get(SETTING) == "go on":
        return

    def fail(result) -> None:
        shell.events.unregister("post_run_cell", fail)
        if result is not None and result.success:  # once, and no error of its own
            result.error_in_exec = Stopped("stopped by a person")
            print(
                "Stopped: Run All ends here, and the next cell is yours to run. "
                f"(%env {SETTING}=go on lets it go on.)"
            )

    shell.events.register("post_run_cell", fail)
