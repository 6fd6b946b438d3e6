"""The install: the environment check, the pinned versions, and that all files agree."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "install"))

import check_environment as check  # noqa: E402

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
SUPPORTED = SpecifierSet(PROJECT["requires-python"])
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
DOCKERFILES = ("Dockerfile.cpu", "Dockerfile.gpu")
ORT = "onnxruntime"


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


# --- the environment check -----------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "state"),
    [
        ("3.9.18", "problem"),
        ("3.10.0", "ok"),
        ("3.13.5", "ok"),
        ("3.14.0", "problem"),
        ("3.14.0rc1", "problem"),
    ],
)
def test_python_version(version, state):
    row = check.check_python(version, check.supported_python())
    assert row.state == state
    assert bool(row.advice) == (state == "problem")


def test_ranges_come_from_the_project():
    assert SpecifierSet(check.supported_python()) == SUPPORTED
    base = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert set(check.requirements()) == base
    extras = PROJECT["optional-dependencies"]
    lab = {Requirement(line).name for line in extras["lab"]}
    assert set(check.requirements("lab")) == lab


def test_unknown_project_is_an_error():
    with pytest.raises(metadata.PackageNotFoundError):
        check.requirements(project="a-project-that-nobody-installed")


def test_missing_package_is_a_row():
    row = check.check_package("a-package-that-nobody-installed", ">=1")
    assert (row.state, row.found) == ("problem", "missing")
    assert "pip install" in row.advice
    row = check.check_package("a-package-that-nobody-installed", ">=1", "warning")
    assert row.state == "warning"


def test_package_versions():
    assert check.check_package("numpy", ">=2,<3").state == "ok"
    row = check.check_package("numpy", ">=1,<2")
    assert row.state == "problem"
    assert ">=1,<2" in row.advice
    assert check.compare("numpy", "2.6.0rc1", ">=2,<3").state == "ok"


@pytest.mark.parametrize(
    ("found", "state"),
    [
        ({}, "problem"),
        ({"tensorflow-cpu": "2.21.0"}, "ok"),
        ({"tensorflow": "2.21.1"}, "ok"),
        ({"tensorflow": "2.15.0"}, "problem"),
        ({"tensorflow": "2.21.0", "tensorflow-cpu": "2.21.0"}, "problem"),
    ],
)
def test_tensorflow_packages(found, state):
    _, wanted = check.installed_tensorflow()
    row = check.check_tensorflow(found, wanted)
    assert row.state == state
    assert bool(row.advice) == (state == "problem")


def test_tensorflow_that_does_not_start_is_a_sentence():
    seen = check.probe("import a_module_that_nobody_installed")
    assert "a_module_that_nobody_installed" in seen
    row = check.check_gpu(seen, has_nvidia=False)
    assert row.state == "problem"
    assert seen in row.found
    # as TensorFlow does on a processor without AVX
    assert "status" in check.probe("import os; os.abort()")


def test_tensorflow_that_starts_slowly_is_a_warning():
    seen = check.probe("import time; time.sleep(60)", seconds=0.1)
    row = check.check_gpu(seen, has_nvidia=False)
    assert row.state == "warning" and "slow to start" in row.advice


def test_probe_ignores_what_is_printed_before():
    code = """print("a greeting"); print('{"gpus": [], "cuda": false}')"""
    assert check.probe(code) == {"gpus": [], "cuda": False}


@pytest.mark.parametrize(
    ("gpus", "cuda", "has_nvidia", "state"),
    [
        ([], False, False, "ok"),
        (["NVIDIA H100"], True, True, "ok"),
        ([], False, True, "warning"),
        ([], True, True, "warning"),
    ],
)
def test_gpu(gpus, cuda, has_nvidia, state):
    row = check.check_gpu({"gpus": gpus, "cuda": cuda}, has_nvidia)
    assert row.state == state
    assert bool(row.advice) == (state != "ok")
    assert not gpus or gpus[0] in row.found


def test_processor(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nflags\t\t: fpu avx avx2 amx_bf16\n\n")
    flags = check.processor_flags(cpuinfo)
    assert flags == {"fpu", "avx", "avx2", "amx_bf16"}
    row = check.check_processor(2, flags, "x86_64")
    assert row.state == "ok"
    assert "amx_bf16" in row.found
    assert "float32" in check.check_processor(2, {"avx"}, "x86_64").found
    assert check.check_processor(2, {"fpu"}, "x86_64").state == "problem"
    assert check.check_processor(2, {"asimd"}, "aarch64").state == "ok"
    assert check.processor_flags(tmp_path / "no such file") is None
    assert check.check_processor(1, None, "arm64").found == "1 core"


def test_little_room():
    limits = (2e9, 0.5e9)
    rows = [check.check_room("disk", f, limits, "do") for f in (9e9, 1e9, 1e8, None)]
    assert [row.state for row in rows] == ["ok", "warning", "problem", "ok"]
    assert [row.advice for row in rows] == ["", "do", "do", ""]
    assert rows[1].found == "1.0 GB free"


def test_free_memory_is_less_than_a_terabyte_and_more_than_nothing():
    assert 1e6 < check.free_memory() < 1e14


def test_weights(tmp_path):
    assert check.check_weights("vgg19", tmp_path).state == "warning"
    path = tmp_path / "vgg19.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("conv1_1/kernel.npy", b"0" * 1000)
    assert check.check_weights("vgg19", tmp_path).state == "ok"  # copied without a sum
    sum_file = tmp_path / "vgg19.npz.sha256"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    sum_file.write_text(f"{digest}  vgg19.npz\n")
    assert check.check_weights("vgg19", tmp_path).state == "ok"
    sum_file.write_bytes(b"\xff another file's sum")
    assert check.check_weights("vgg19", tmp_path).state == "problem"
    sum_file.unlink()
    path.write_bytes(path.read_bytes()[:900])
    row = check.check_weights("vgg19", tmp_path)
    assert row.state == "problem"
    assert str(path) in row.advice


def test_weights_folder_is_the_one_of_the_package():
    from style_workshop import DATA

    assert check.weights_folder() == DATA / "weights"


def test_table_keeps_every_row_and_its_advice():
    rows = [check.Row("ok", "Python", "3.12.1"), check.Row("problem", "x", "", "do it")]
    lines = check.table(rows).splitlines()
    assert lines[0].split() == ["ok", "Python", "3.12.1"]
    assert lines[1].split() == ["problem", "x"]
    assert lines[2].strip() == "-> do it"


def test_script_without_any_package_prints_rows_and_no_traceback():
    # -I -S: a Python that sees its standard library only, as before the install.
    script = str(ROOT / "install" / "check_environment.py")
    run = subprocess.run(
        [sys.executable, "-I", "-S", script], capture_output=True, text=True
    )
    assert run.returncode == 1
    assert "Traceback" not in run.stdout + run.stderr
    assert "style-workshop" in run.stderr
    assert "disk" in run.stdout


@pytest.mark.slow
def test_script_in_this_environment():
    script = str(ROOT / "install" / "check_environment.py")
    run = subprocess.run([sys.executable, script], capture_output=True, text=True)
    problems = [line for line in run.stdout.splitlines() if line.startswith("problem")]
    assert (run.returncode, problems) == (0, [])
    for name in ("Python", "tensorflow", "keras", "numpy", "memory", "vgg16 weights"):
        assert name in run.stdout


# --- pinned versions -----------------------------------------------------------------


def environments() -> list:
    systems = {
        "linux": ("posix", "Linux", "x86_64"),
        "darwin": ("posix", "Darwin", "arm64"),
        "win32": ("nt", "Windows", "AMD64"),
    }
    return [
        pytest.param(
            {
                "python_version": python,
                "python_full_version": f"{python}.9",
                "sys_platform": name,
                "os_name": os_name,
                "platform_system": system,
                "platform_machine": machine,
                "implementation_name": "cpython",
                "platform_python_implementation": "CPython",
            },
            id=f"{name}-{python}",
        )
        for python in PYTHONS
        for name, (os_name, system, machine) in systems.items()
    ]


def holds(requirement: Requirement, environment: dict) -> bool:
    marker = requirement.marker
    return marker is None or marker.evaluate({**environment, "extra": ""})


def pins() -> list[Requirement]:
    lines = read("install/requirements.txt").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_every_pin_is_one_exact_version():
    for pin in pins():
        (specifier,) = pin.specifier
        assert specifier.operator == "==", str(pin)
        assert "*" not in specifier.version, str(pin)


@pytest.mark.parametrize("environment", environments())
def test_pins_lie_in_the_ranges_of_the_project(environment):
    pinned = {}
    for pin in pins():
        if holds(pin, environment):
            assert pin.name not in pinned, f"{pin.name} is pinned twice"
            (specifier,) = pin.specifier
            pinned[pin.name] = specifier.version
    extras = PROJECT["optional-dependencies"]
    names = ("cpu", "gpu", "lab", "export", "test")
    tested = [line for name in names for line in extras[name]]
    for requirement in map(Requirement, PROJECT["dependencies"] + tested):
        ours = requirement.name == PROJECT["name"]  # the extra export, in test
        if holds(requirement, environment) and not ours:
            version = pinned.get(requirement.name)
            assert version is not None, f"{requirement} has no pin"
            assert requirement.specifier.contains(version), f"{requirement}: {version}"


def test_supported_pythons():
    assert [v for v in PYTHONS if v in SUPPORTED] == list(PYTHONS)
    assert "3.9" not in SUPPORTED
    assert "3.14" not in SUPPORTED
    low, high = re.search(
        r"not \((\d+, \d+)\) <= .* < \((\d+, \d+)\)", read("Makefile")
    ).groups()
    of_the_makefile = f">={low},<{high}".replace(", ", ".")
    assert SpecifierSet(of_the_makefile) == SUPPORTED


# --- the ways to install agree -------------------------------------------------------


def test_docker_and_conda_use_one_supported_python():
    versions = {re.search(r"python=(\S+)", read("environment.yml")).group(1)}
    for name in DOCKERFILES:
        versions.add(re.search(r"^FROM python:(\S+)-slim$", read(name), re.M).group(1))
    assert len(versions) == 1
    assert versions <= set(PYTHONS)


@pytest.mark.parametrize(
    ("name", "extras"),
    [
        ("Dockerfile.cpu", "cpu,lab,test"),
        ("Dockerfile.gpu", "gpu,lab,test"),
        ("environment.yml", "cpu,lab,test"),
        ("install/README.md", "cpu,lab,test"),
        ("install/check_environment.py", "cpu,lab,test"),
        ("Makefile", "$(EXTRA),lab,test"),
    ],
)
def test_installs_use_the_pins_and_the_same_extras(name, extras):
    text = read(name)
    assert re.search(r"-c install.requirements\.txt", text)
    assert f"-e .[{extras}]" in text.replace('"', "")
    known = {*PROJECT["optional-dependencies"], "$(EXTRA)"}
    assert set(extras.split(",")) <= known


def test_readme_makes_the_picture_of_the_makefile():
    makefile, readme = read("Makefile"), read("install/README.md").replace("\\", "/")
    commands = re.findall(r"style_workshop stylize (\S+) (\S+) -o", readme)
    content = re.search(r"^CONTENT = (\S+)", makefile, re.M).group(1)
    style = re.search(r"^STYLE = (\S+)", makefile, re.M).group(1)
    assert set(commands) == {(content, style)}
    assert (ROOT / content).is_file()
    assert (ROOT / style).is_file()


@pytest.mark.parametrize(
    "words",
    [
        "requires a different Python",
        "No matching distribution found for tensorflow",
        "No matching distribution found for onnxruntime",
        "GPU=1 is for Linux",
        "DLL load failed",
        "LongPathsEnabled",
        "the --mount option requires BuildKit",
    ],
)
def test_readme_answers_what_newcomers_met(words):
    assert words in read("install/README.md").partition("## When something fails")[2]


def test_readme_says_the_least_macos_of_the_pins():
    """Since 1.24 the builds of onnxruntime are for macOS 14."""
    newest = max(Version(str(p.specifier)[2:]) for p in pins() if p.name == ORT)
    assert newest >= Version("1.24")
    assert "macOS 14 or later" in read("install/README.md").partition("##")[0]


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(
    ("system", "sentence"),
    [
        ("Darwin", "GPU=1 is for Linux"),
        ("MINGW64_NT-10.0", "GPU=1 is for Linux"),
        ("Linux", "No Python from 3.10 to 3.13 was found"),
    ],
)
def test_make_refuses_a_gpu_where_tensorflow_has_none(tmp_path, system, sentence):
    for name in ("Makefile", "pyproject.toml", "install/requirements.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    uname = tmp_path / "bin" / "uname"
    uname.parent.mkdir()
    uname.write_text(f"#!/bin/sh\necho {system}\n")
    uname.chmod(0o755)
    path = f"{uname.parent}{os.pathsep}{os.environ['PATH']}"
    run = subprocess.run(
        ["make", "picture", "GPU=1", "PYTHON=no-python"],
        cwd=tmp_path, capture_output=True, text=True,
        env=os.environ | {"PATH": path, "STYLE_WORKSHOP_DATA": str(tmp_path)},
    )  # fmt: skip
    assert run.returncode != 0 and sentence in run.stdout
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize("name", DOCKERFILES)
def test_images_run_as_attendee_and_ask_for_the_token(name):
    text = read(name)
    assert re.findall(r"^USER (\S+)", text, re.M)[-1] == "attendee"
    assert text.splitlines()[-2].startswith('CMD ["jupyter", "lab", "--ip=0.0.0.0"')
    assert "EXPOSE 8888" in text
    assert "127.0.0.1:8888:8888" in text


def test_the_two_images_take_the_same_steps():
    def steps(name):
        lines = [line for line in read(name).splitlines() if not line.startswith("#")]
        text = "\n".join(lines).replace("[gpu,", "[cpu,")
        return re.sub(r" \\\n *NVIDIA_\w+=\S+", "", text).split()

    assert steps("Dockerfile.cpu") == steps("Dockerfile.gpu")


@pytest.mark.parametrize(
    "name", ["Makefile", "install/README.md", "environment.yml", *DOCKERFILES]
)
def test_nothing_turns_the_token_off(name):
    assert not re.search(r"\.(token|password)\s*=|token=(''|\"\")", read(name))


def test_git_and_docker_leave_out_the_same_folders():
    git, docker = (
        {
            line.rstrip("/").removeprefix("**/")
            for line in read(name).splitlines()
            if not line.startswith("#")
        }
        for name in (".gitignore", ".dockerignore")
    )
    data = {line for line in git if line.startswith("data/")}
    assert len(data) >= 4
    assert data | {".venv", "outputs", "checkpoints", "__pycache__"} <= docker


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_help_names_the_commands():
    run = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True)
    named = re.findall(r"^  make (\S+)", run.stdout, re.M)
    assert {"workshop", "picture", "test", "notebooks", "lock", "clean"} <= set(named)


def files_of_the_project() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("git is not installed")
    if run.returncode != 0:
        pytest.skip("not a git clone")
    return [name for name in run.stdout.splitlines() if (ROOT / name).is_file()]


def test_no_file_names_an_index_or_a_path_of_one_machine():
    # pip's own configuration decides where packages come from. The brackets keep
    # these patterns from finding themselves.
    forbidden = re.compile(
        r"py[p]i\.(?:org|python)|python[h]osted\.|registry\.npm[j]s"
        r"|https?://\S+/simpl[e]\b|^\s*--(?:extra-)?index[-]url"
        r"|(?<![\w.-])/(?:root|work)/\w",
        re.MULTILINE,
    )
    found = {}
    for name in files_of_the_project():
        try:
            text = read(name)
        except UnicodeDecodeError:
            continue  # a picture
        if match := forbidden.search(text):
            found[name] = match.group()
    assert found == {}


# --- habits ---------------------------------------------------------------------------


def test_citation_names_the_version():
    assert f"\nversion: {PROJECT['version']}\n" in read("CITATION.cff")
    assert f"\n## {PROJECT['version']}\n" in read("CHANGELOG.md")


def test_hooks_run_what_is_installed_and_what_make_runs():
    hooks = read(".pre-commit-config.yaml")
    entries = re.findall(r"entry: \.venv/bin/python -m (\w+)", hooks)
    installed = {
        Requirement(line).name for line in PROJECT["optional-dependencies"]["test"]
    }
    assert len(entries) == len(re.findall(r"language: system", hooks)) == 3
    assert set(entries) <= installed
    assert "repo: local" in hooks and "rev:" not in hooks


def test_what_hangs_fails():
    options = tomllib.loads(read("pyproject.toml"))["tool"]["pytest"]["ini_options"]
    (cell,) = re.findall(r"--nbval-cell-timeout=(\d+)", options["addopts"])
    assert int(cell) < options["timeout"] < 1000
