"""Everything in one archive, for a room without a network.

    make bundle                                      for this Python and this system
    make bundle BUNDLE_FOR="linux-3.12 windows-3.12" for those of the room

makes ``dist/bundle/`` (``wheels/``: every package in its tested version; ``weights/``:
VGG19 and VGG16) and from it ``dist/style-workshop-bundle.zip``, which also holds the
files of the clone, pictures and networks included. Whoever unpacks it runs

    make workshop BUNDLE=bundle

The systems are linux, linux-arm, mac (Apple silicon) and windows. Wheels for a system
are chosen by its markers and tags, from whatever machine one has; nothing of them is
run.
"""

import argparse
import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
BUNDLE = DIST / "bundle"
ARCHIVE = DIST / "style-workshop-bundle.zip"
PINS = ROOT / "install" / "requirements.txt"
EXTRAS = ("cpu", "lab", "test")
WEIGHTS = ("vgg19.npz", "vgg16.npz")
# Megabytes to expect. Measured in November 2026: Linux with Python 3.12 609, Windows
# with 3.12 635, a Mac with 3.13 493. Another Python shares what is not compiled for
# one: estimated. The rest is the weights and the clone.
FIRST, ANOTHER, REST = 610, 480, 180

MANYLINUX = [f"manylinux_2_{minor}" for minor in range(28, 16, -1)] + ["manylinux2014"]
#: of each system: pip's platform tags; sys_platform, os_name, system, machine
SYSTEMS = {
    "linux": (
        [f"{tag}_x86_64" for tag in MANYLINUX],
        ("linux", "posix", "Linux", "x86_64"),
    ),
    "linux-arm": (
        [f"{tag}_aarch64" for tag in MANYLINUX],
        ("linux", "posix", "Linux", "aarch64"),
    ),
    "mac": (["macosx_14_0_arm64"], ("darwin", "posix", "Darwin", "arm64")),
    "windows": (["win_amd64"], ("win32", "nt", "Windows", "AMD64")),
}


# --- which packages -------------------------------------------------------------------


def this_machine() -> str:
    """The system and the Python that run this, as in ``linux-3.12``."""
    found = (platform.system(), platform.machine())
    python = "{}.{}".format(*sys.version_info)
    for name, (_, environment) in SYSTEMS.items():
        if environment[2:] == found:
            return f"{name}-{python}"
    raise SystemExit(f"There are no packages for {' '.join(found)}: see install/.")


def parse(target: str) -> tuple[str, str]:
    """``linux-arm-3.12`` to ``linux-arm``, ``3.12``; refuse what is not known."""
    system, _, python = target.rpartition("-")
    if system not in SYSTEMS or python not in ("3.10", "3.11", "3.12", "3.13"):
        raise SystemExit(
            f"BUNDLE_FOR has {target!r}: write one of {', '.join(SYSTEMS)}, a minus "
            "and a Python from 3.10 to 3.13, as in windows-3.12."
        )
    return system, python


def release_of(python: str) -> str:
    """A release of a Python: the one of this machine, or a late one.

    Some packages need more than the first releases of 3.11.
    """
    ours = platform.python_version()
    return ours if ours.startswith(f"{python}.") else f"{python}.9"


def environment_of(system: str, python: str) -> dict[str, str]:
    """The values of the markers in requirements, on a system that is not this one."""
    sys_platform, os_name, name, machine = SYSTEMS[system][1]
    return {
        "python_version": python,
        "python_full_version": release_of(python),
        "sys_platform": sys_platform,
        "os_name": os_name,
        "platform_system": name,
        "platform_machine": machine,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_version": "",
    }


def pins(environment: dict[str, str]) -> dict[str, str]:
    """The tested versions, ``name==version`` by name, that hold there."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    lines = PINS.read_text(encoding="utf-8").splitlines()
    listed = [Requirement(line) for line in lines if line and line[0] != "#"]
    return {
        canonicalize_name(pin.name): f"{pin.name}{pin.specifier}"
        for pin in listed
        if pin.marker is None or pin.marker.evaluate(environment)
    }


def of_the_project() -> list[str]:
    """The requirements of the workshop itself, and of what builds it."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = table["project"]
    optional = project["optional-dependencies"]
    lines = project["dependencies"] + [line for e in EXTRAS for line in optional[e]]
    ours = [line for line in lines if line.startswith(f"{project['name']}[")]
    for line in ours:
        lines.remove(line)
        lines += optional[line.partition("[")[2].rstrip("]")]
    return lines + table["build-system"]["requires"]


def wanted(lines: list[str], environment: dict, extras: set) -> Iterator[tuple]:
    """Names and extras of the requirements that hold there."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    for requirement in map(Requirement, lines):
        marker = requirement.marker
        if marker is None or any(
            marker.evaluate({**environment, "extra": extra}) for extra in {"", *extras}
        ):
            yield canonicalize_name(requirement.name), frozenset(requirement.extras)


def requirements_of(wheel: Path) -> list[str]:
    """What a package says that it needs."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (
            name
            for name in archive.namelist()
            if name.endswith(".dist-info/METADATA") and name.count("/") == 1
        )
        text = archive.read(name).decode("utf-8", "replace")
    return HeaderParser().parsestr(text).get_all("Requires-Dist") or []


# --- fetching them --------------------------------------------------------------------


def fetch_wheels(system: str, python: str, wheels: Path) -> int:
    """Put every package for a system into ``wheels``; returns their bytes.

    pip evaluates markers for the machine it runs on, so we follow the requirements
    ourselves, level by level, and pip only fetches what is named.
    """
    from packaging.utils import parse_wheel_filename

    environment = environment_of(system, python)
    versions = pins(environment)
    level = set(wanted(of_the_project(), environment, set()))
    seen: set = set()
    with tempfile.TemporaryDirectory(dir=wheels.parent) as folder:
        while level := level - seen:
            seen |= level
            names = sorted({versions.get(name, name) for name, _ in level})
            pip_download(names, system, python, Path(folder), wheels)
            found = {
                parse_wheel_filename(path.name)[0]: path
                for path in Path(folder).glob("*.whl")
            }
            level = {
                pair
                for name, extras in level
                for pair in wanted(requirements_of(found[name]), environment, extras)
            }
        size = 0
        for path in found.values():
            size += path.stat().st_size
            path.replace(wheels / path.name)
    return size


def pip_download(names, system, python, folder: Path, wheels: Path) -> None:
    """Fetch wheels that are not in ``wheels`` yet, with the pip of this machine."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--disable-pip-version-check", "--only-binary=:all:"]
    command += ["--implementation", "cp", "--python-version", release_of(python)]
    for tag in SYSTEMS[system][0]:
        command += ["--platform", tag]
    command += ["--find-links", str(wheels), "--dest", str(folder), *names]
    if subprocess.run(command).returncode:
        raise SystemExit(
            "The bundle is not whole: pip says above what it could not fetch. What it "
            "has is kept; run the same command again."
        )


# --- the archive ----------------------------------------------------------------------


def files_of_the_clone() -> list[str]:
    """What git keeps, and what is new and not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if run.returncode:
        raise SystemExit("make bundle needs git and the clone: it packs its files.")
    return [name for name in run.stdout.splitlines() if (ROOT / name).is_file()]


def pack(bundle: Path, archive: Path) -> None:
    """Put the clone and the bundle into one ZIP file, which every system can open."""
    part = archive.with_suffix(".part")
    top = Path("style-workshop")
    with zipfile.ZipFile(part, "w") as file:  # stored: wheels are compressed already
        for name in files_of_the_clone():
            file.write(ROOT / name, top / name)
        for path in sorted(bundle.rglob("*")):
            if path.is_file():
                file.write(path, top / "bundle" / path.relative_to(bundle))
    part.replace(archive)


def make(targets: list[str], weights: Path) -> None:
    """Fetch, collect and pack; says the size before it begins."""
    parsed = [parse(target) for target in targets]
    systems = {system for system, _ in parsed}
    expected = (
        FIRST * len(systems) + ANOTHER * (len(parsed) - len(systems)) + REST
    )  # megabytes
    print(f"For {' '.join(targets)}: about {expected:,} MB to fetch and keep, and as")
    print(f"much again for {ARCHIVE.name}. What is here already is not fetched again.")
    DIST.mkdir(exist_ok=True)
    if shutil.disk_usage(DIST).free < 2.2e6 * expected:
        raise SystemExit(f"There is not enough room in {DIST}: free some.")
    wheels = BUNDLE / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    for system, python in parsed:
        size = fetch_wheels(system, python, wheels)
        print(
            f"{system}, Python {python}: {size / 1e6:,.0f} MB of packages", flush=True
        )
    (BUNDLE / "weights").mkdir(exist_ok=True)
    for name in WEIGHTS:
        for file in (name, f"{name}.sha256"):
            shutil.copy(weights / file, BUNDLE / "weights" / file)
    pythons = sorted({f"python{python}" for _, python in parsed}, reverse=True)
    (BUNDLE / "pythons").write_text(" ".join(pythons) + "\n")
    pack(BUNDLE, ARCHIVE)
    print(
        f"{ARCHIVE.relative_to(ROOT)}: {ARCHIVE.stat().st_size / 1e6:,.0f} MB. Unpack"
    )
    print("it anywhere, and there, without a network: make workshop BUNDLE=bundle")


# --- on the laptops -------------------------------------------------------------------


def take(bundle: str, path: Path) -> None:
    """Copy a file of weights, and its check sum, from a folder or an address."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sum_file = Path(f"{path}.sha256")
    part = path.with_suffix(".part")
    copy(f"{bundle}/weights/{sum_file.name}", sum_file)
    copy(f"{bundle}/weights/{path.name}", part)
    if hashlib.sha256(part.read_bytes()).hexdigest() != sum_file.read_text().split()[0]:
        part.unlink()
        raise SystemExit(
            f"{path.name} from {bundle} is damaged: unpack or copy the bundle again."
        )
    part.replace(path)


def copy(source: str, path: Path) -> None:
    """Copy from a folder or from an address of the room."""
    try:
        if source.startswith(("http://", "https://")):
            with urllib.request.urlopen(source, timeout=60) as answer:
                path.write_bytes(answer.read())
        else:
            shutil.copyfile(source, path)
    except OSError as error:
        raise SystemExit(
            f"There is no {source} ({error.__class__.__name__}): BUNDLE= takes the "
            "folder `bundle` of the unpacked archive, or its address in the room."
        ) from error


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    maker = commands.add_parser("make", help="make the archive")
    maker.add_argument("targets", nargs="*", help="as linux-3.12; none: this machine")
    maker.add_argument("--weights", type=Path, required=True, help="their folder")
    taker = commands.add_parser("take", help="copy weights from a bundle")
    taker.add_argument("bundle", help="a folder, or an address")
    taker.add_argument("paths", type=Path, nargs="+", help="where the files belong")
    options = parser.parse_args()
    if options.command == "make":
        make(options.targets or [this_machine()], options.weights)
    for path in getattr(options, "paths", []):
        take(options.bundle, path)


if __name__ == "__main__":
    main()
