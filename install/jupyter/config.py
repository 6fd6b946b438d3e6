"""How the workshop runs JupyterLab: ``jupyter lab --config=install/jupyter/config.py``.

The whole project can be opened, and the notebooks are what one sees first. The file
beside this one asks for no news, and leaves the column of names wide enough.
"""

import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def leave_out_version(model: dict, **_) -> None:
    """Drop the kernel's version from a notebook that is about to be written.

    JupyterLab adds it to each notebook that is opened, also when nobody changes it:
    every file would differ from the one in git, and the next ``git pull`` would stop.
    """
    if model["type"] == "notebook":
        model["content"]["metadata"].pop("language_info", None)


c = get_config()  # noqa: F821  (Jupyter defines it)
c.ServerApp.root_dir = str(ROOT)
c.FileContentsManager.preferred_dir = "notebooks"  # within the root
c.LabApp.app_settings_dir = str(HERE)
c.FileContentsManager.pre_save_hook = leave_out_version
# Jupyter reads this file twice and takes the hook for one that replaces another.
warnings.filterwarnings("ignore", message="Overriding existing pre_save_hook")
