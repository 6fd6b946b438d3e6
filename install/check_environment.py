"""Look at this machine and say what the workshop will miss: one row a thing.

    python install/check_environment.py

Each row is ok, a warning (something will be slow or absent) or a problem (something
will not run), and says in one sentence what to do. The exit status is 1 if there is a
problem. Needs nothing but Python: what is missing becomes a row, never a traceback.
The versions it accepts are those of pyproject.toml, read from the installed project.
"""

from __future__ import annotations  # an older Python must get as far as its own row

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PROJECT = "style-workshop"
INSTALL = 'pip install -c install/requirements.txt -e ".[cpu,lab,test]"'
GB = 1e9
# Below the first number there is a warning, below the second a problem. Memory: the
# Gatys method at 512 px takes about 2 GB. Disk: the classifiers take 1.2 GB.
MEMORY = (3 * GB, 1 * GB)
DISK = (2 * GB, 0.3 * GB)
BFLOAT16 = ("avx512_bf16", "amx_bf16")
# Runs in a process of its own: on a processor without AVX, TensorFlow ends the
# process that imports it.
PROBE = """
import json, os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf
gpus = tf.config.list_physical_devices("GPU")
details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
names = [detail.get("device_name", "GPU") for detail in details]
print(json.dumps({"gpus": names, "cuda": tf.test.is_built_with_cuda()}))
"""


class Row(NamedTuple):
    """One line of the table."""

    state: str  # "ok", "warning" or "problem"
    name: str
    found: str
    advice: str = ""


# --- versions ------------------------------------------------------------------------


def check_python(version: str, supported: str) -> Row:
    """Compare this Python with `requires-python`, as ">=3.10,<3.14"."""
    low, high = (_numbers(bound) for bound in supported.split(","))
    if low <= _numbers(version) < high:
        return Row("ok", "Python", version)
    advice = f"Make .venv with a Python {supported}: make workshop PYTHON=python3.12"
    return Row("problem", "Python", version, advice)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text))


def supported_python() -> str:
    """`requires-python`, from pyproject.toml: a wrong Python has no project in it."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return re.search(r'^requires-python = "(.+)"', text, re.MULTILINE).group(1)


def requirements(extra: str = "", project: str = PROJECT) -> dict[str, str]:
    """What an extra of the installed project asks for on this machine: name, range.

    Raises:
        PackageNotFoundError: the project is not installed.
        ImportError: `packaging`, which reads the ranges, is not.
    """
    lines = metadata.requires(project) or []
    from packaging.requirements import Requirement

    wanted = {}
    for requirement in map(Requirement, lines):
        marker = requirement.marker
        if marker is None or marker.evaluate({"extra": ""}):
            chosen = extra == ""
        else:
            chosen = marker.evaluate({"extra": extra})
        if chosen:
            wanted[requirement.name] = str(requirement.specifier)
    return wanted


def check_package(name: str, wanted: str, missing: str = "problem") -> Row:
    """Compare the installed version of one package with a range, as ">=2,<3"."""
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Row(missing, name, "missing", f"Install it: {INSTALL}")
    return compare(name, version, wanted)


def compare(name: str, version: str, wanted: str) -> Row:
    """Say whether a version lies in a range."""
    from packaging.specifiers import SpecifierSet

    if SpecifierSet(wanted).contains(version, prereleases=True):
        return Row("ok", name, version)
    return Row("problem", name, version, f"Needs {wanted}: {INSTALL}")


def check_packages() -> list[Row]:
    """One row for each package that the notebooks run on; TensorFlow first."""
    try:
        base, lab = requirements(), requirements("lab")
    except metadata.PackageNotFoundError:
        return [Row("problem", PROJECT, "missing", f"Install it: {INSTALL}")]
    except ImportError:
        return [Row("problem", "packaging", "missing", f"Install it: {INSTALL}")]
    rows = [check_tensorflow(*installed_tensorflow())]
    rows += [check_package(name, wanted) for name, wanted in base.items()]
    return rows + [check_package(n, wanted, "warning") for n, wanted in lab.items()]


# --- TensorFlow, processor, GPU ------------------------------------------------------


def installed_tensorflow() -> tuple[dict[str, str], str]:
    """The installed packages that hold TensorFlow, with versions; the range wanted."""
    found = {}
    for name in ("tensorflow", "tensorflow-cpu"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    (wanted,) = requirements("gpu").values()
    return found, wanted


def check_tensorflow(found: dict[str, str], wanted: str) -> Row:
    """One of the two packages must be there, in the range; both spoil each other."""
    if not found:
        return Row("problem", "tensorflow", "missing", f"Install it: {INSTALL}")
    if len(found) > 1:
        advice = "Both hold the same files: remove .venv and install one of them."
        return Row("problem", "tensorflow", " and ".join(found), advice)
    ((name, version),) = found.items()
    return compare(name, version, wanted)


def probe(code: str = PROBE, seconds: float = 120) -> dict | str | None:
    """What TensorFlow sees when it starts, or the last line of why it does not.

    None if it has not started in time: the first time can take minutes on a slow disk.
    """
    try:
        run = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        return None
    if run.returncode == 0:
        return json.loads(run.stdout.splitlines()[-1])
    lines = run.stderr.strip().splitlines()
    return lines[-1] if lines else f"ended with status {run.returncode}"


def check_gpu(seen: dict | str | None, has_nvidia: bool) -> Row:
    """Say what TensorFlow computes on; no GPU is no problem for this workshop."""
    if seen is None:
        advice = "TensorFlow is slow to start here; the next time is faster."
        return Row("warning", "GPU", "not known yet", advice)
    if isinstance(seen, str):
        advice = "TensorFlow does not start: see 'When something fails' in install/."
        return Row("problem", "GPU", seen, advice)
    if seen["gpus"]:
        return Row("ok", "GPU", ", ".join(seen["gpus"]))
    if has_nvidia and not seen["cuda"]:
        advice = "To use the NVIDIA GPU of this machine: make workshop GPU=1"
        return Row("warning", "GPU", "not used", advice)
    if has_nvidia:
        advice = "TensorFlow does not find the NVIDIA GPU: see install/README.md."
        return Row("warning", "GPU", "not found", advice)
    return Row("ok", "GPU", "none (the notebooks are timed for two processor cores)")


def check_processor(cores: int, flags: set[str] | None, machine: str) -> Row:
    """Cores, AVX, and whether bfloat16 is fast; `flags` is None where unknown."""
    found = f"{cores} core" + "s" * (cores > 1)
    if flags is None:
        return Row("ok", "processor", found)
    if machine == "x86_64" and "avx" not in flags:
        advice = "TensorFlow needs a processor with AVX: use another machine."
        return Row("problem", "processor", f"{found}, no AVX", advice)
    fast = [flag for flag in BFLOAT16 if flag in flags]
    dtype = f"bfloat16 is fast ({', '.join(fast)})" if fast else "float32 is fastest"
    return Row("ok", "processor", f"{found}, {dtype}")


def processor_flags(path: str = "/proc/cpuinfo") -> set[str] | None:
    """The features that Linux lists for the first core; None on other systems."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError:
        return None
    line = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    return set(line.group(1).split()) if line else None


def usable_cores() -> int:
    """The cores that this process may use: containers are often given fewer."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# --- memory, disk, weights -----------------------------------------------------------


def check_room(name: str, free: float | None, limits: tuple, advice: str) -> Row:
    """Compare free bytes with the two limits: a warning, a problem."""
    if free is None:
        return Row("ok", name, "unknown")
    few, none = limits
    state = "problem" if free < none else "warning" if free < few else "ok"
    found = f"{free / GB:.1f} GB free"
    return Row(state, name, found, "" if state == "ok" else advice)


def free_memory() -> float | None:
    """Bytes that a new process can have; None where the workshop is not installed."""
    try:
        from style_workshop.memory import free_memory as measure
    except ImportError:
        return None
    return measure()


def weights_folder() -> Path:
    """Where the package keeps them, or would."""
    try:
        from style_workshop import DATA
    except ImportError:
        return ROOT / "data" / "weights"
    return DATA / "weights"


def check_weights(name: str, folder: Path) -> Row:
    """Say whether the file of one network is there and whole."""
    path = folder / f"{name}.npz"
    command = f"python -m style_workshop weights {name}"
    if not path.exists():
        return Row("warning", f"{name} weights", "missing", f"Get them: {command}")
    found = f"{path.stat().st_size / 1e6:.0f} MB"
    if not is_whole(path):
        advice = f"The file is broken: remove {path}, then {command}"
        return Row("problem", f"{name} weights", found, advice)
    return Row("ok", f"{name} weights", found)


def is_whole(path: Path) -> bool:
    """Compare with the check sum beside it; one copied without it is only opened."""
    sum_file = path.with_suffix(".npz.sha256")
    if not sum_file.exists():
        return zipfile.is_zipfile(path)  # a truncated file has lost its directory
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return sum_file.read_bytes().split()[:1] == [digest.encode()]


# --- the table -----------------------------------------------------------------------


def check_all() -> list[Row]:
    """All rows, the cheap ones first: TensorFlow starts only if all is well so far."""
    rows = [check_python(platform.python_version(), supported_python())]
    rows += check_packages()
    machine = platform.machine()
    rows.append(check_processor(usable_cores(), processor_flags(), machine))
    if all(row.state != "problem" for row in rows):
        rows.append(check_gpu(probe(), shutil.which("nvidia-smi") is not None))
    small = "Close other programs, or pass a smaller --size."
    rows.append(check_room("memory", free_memory(), MEMORY, small))
    room = "Free some space, or set STYLE_WORKSHOP_DATA to a folder on a larger disk."
    rows.append(check_room("disk", shutil.disk_usage(ROOT).free, DISK, room))
    return rows + [check_weights(name, weights_folder()) for name in ("vgg19", "vgg16")]


def table(rows: list[Row]) -> str:
    """The rows as text; advice stands on a line of its own."""
    width = max(len(row.name) for row in rows)
    lines = []
    for row in rows:
        lines.append(f"{row.state:8} {row.name:{width}}  {row.found}".rstrip())
        if row.advice:
            lines.append(f"{'':8} {'':{width}}  -> {row.advice}")
    return "\n".join(lines)


def main() -> int:
    """Print the table; 1 if something will not run."""
    rows = check_all()
    print(table(rows), flush=True)
    problems = [row.name for row in rows if row.state == "problem"]
    if problems:
        print(f"To put right first: {', '.join(problems)}.", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
