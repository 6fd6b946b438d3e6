"""The bundle: which packages it takes, and installing from it without a network."""

import functools
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "install"))

import bundle  # noqa: E402


def wheel(folder: Path, name: str, *requires: str) -> None:
    """Write a package that holds nothing but what it requires."""
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as file:
        lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0"]
        lines += [f"Requires-Dist: {line}" for line in requires]
        file.writestr(f"{name}-1.0.dist-info/METADATA", "\n".join(lines) + "\n\n")


# --- which packages -------------------------------------------------------------------


def test_what_a_machine_is_called():
    bundle.parse(bundle.this_machine())
    assert bundle.parse("linux-arm-3.12") == ("linux-arm", "3.12")
    for wrong in ("linux", "linux-2.7", "amiga-3.12", "3.12", ""):
        with pytest.raises(SystemExit, match="BUNDLE_FOR"):
            bundle.parse(wrong)


@pytest.mark.parametrize(
    ("system", "has", "has_not"),
    [
        ("linux", {"tensorflow-cpu", "ptyprocess"}, {"tensorflow", "pywinpty"}),
        ("linux-arm", {"tensorflow"}, {"tensorflow-cpu", "pywinpty"}),
        ("mac", {"tensorflow", "ptyprocess"}, {"tensorflow-cpu", "pywinpty"}),
        ("windows", {"tensorflow", "pywinpty"}, {"tensorflow-cpu", "pexpect"}),
    ],
)
def test_each_system_has_its_own_packages(tmp_path, monkeypatch, system, has, has_not):
    """From any machine: pip itself would evaluate the markers of this one."""
    asked = []

    def download(names, system, python, folder, wheels):
        for pinned in names:
            name, _, version = pinned.partition("==")
            asked.append(name)
            assert version or name.startswith(("setuptools", "tensorflow")), pinned
            needs = {
                "jupyterlab": ["terminado[x]"],
                "terminado": ["pywinpty; os_name == 'nt'", "left-out; extra == 'y'"]
                + ["ptyprocess; os_name != 'nt' and extra == 'x'"],
            }
            wheel(folder, name.replace("-", "_"), *needs.get(name, []))

    monkeypatch.setattr(bundle, "pip_download", download)
    (tmp_path / "wheels").mkdir()
    size = bundle.fetch_wheels(system, "3.12", tmp_path / "wheels")
    kept = list((tmp_path / "wheels").glob("*.whl"))
    names = {path.name.split("-")[0].replace("_", "-") for path in kept}
    assert size == sum(path.stat().st_size for path in kept)
    assert has | {"jupyterlab", "pytest", "onnxruntime", "setuptools"} <= names
    assert not has_not & names and "left-out" not in names
    assert len(asked) == len(set(asked)), "asked for twice"


def test_versions_are_the_tested_ones():
    listed = (ROOT / "install" / "requirements.txt").read_text().splitlines()
    for python in ("3.10", "3.13"):
        chosen = bundle.pins(bundle.environment_of("linux", python))
        assert {f"{pin.partition(' ')[0]}" for pin in chosen.values()} <= {
            line.partition(" ")[0] for line in listed
        }
    assert chosen["numpy"] != bundle.pins(bundle.environment_of("mac", "3.10"))["numpy"]


# --- the archive ----------------------------------------------------------------------


def test_archive_holds_the_clone_and_the_bundle(tmp_path, monkeypatch):
    (tmp_path / "bundle" / "weights").mkdir(parents=True)
    (tmp_path / "bundle" / "weights" / "vgg19.npz").write_bytes(b"weights")
    listed = ["Makefile", "data/networks/mosaic.npz"]
    monkeypatch.setattr(bundle, "files_of_the_clone", lambda: listed)
    bundle.pack(tmp_path / "bundle", tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as file:
        names = set(file.namelist())
        assert file.read("style-workshop/bundle/weights/vgg19.npz") == b"weights"
    assert {f"style-workshop/{name}" for name in listed} < names and len(names) == 3
    assert not (tmp_path / "all.part").exists()


# --- on the laptops -------------------------------------------------------------------


@pytest.fixture
def made(tmp_path):
    """A bundle with toy weights."""
    folder = tmp_path / "bundle" / "weights"
    folder.mkdir(parents=True)
    (folder / "vgg19.npz").write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    (folder / "vgg19.npz.sha256").write_text(f"{digest}  vgg19.npz\n")
    return folder.parent


@pytest.fixture
def served(made):
    """The address of a bundle, as `make lan-index` serves it."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=made.parent)
    handler.log_message = lambda *_: None
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/bundle"
    server.shutdown()
    server.server_close()


def test_weights_are_taken_from_a_folder_and_from_an_address(tmp_path, made, served):
    for number, source in enumerate((str(made), served)):
        path = tmp_path / f"own {number}" / "vgg19.npz"
        bundle.take(source, path)
        assert path.read_bytes() == b"weights"
        assert Path(f"{path}.sha256").read_text().endswith("vgg19.npz\n")


def test_damaged_weights_are_not_taken(tmp_path, made):
    (made / "weights" / "vgg19.npz").write_bytes(b"weighty")
    path = tmp_path / "own" / "vgg19.npz"
    with pytest.raises(SystemExit, match="damaged"):
        bundle.take(str(made), path)
    assert not path.exists() and not path.with_suffix(".part").exists()


def test_a_wrong_place_is_a_sentence(tmp_path, served):
    for source in (str(tmp_path / "nowhere"), f"{served}/nowhere"):
        with pytest.raises(SystemExit, match="BUNDLE= takes the folder"):
            bundle.take(source, tmp_path / "vgg19.npz")


needs_make = pytest.mark.skipif(not shutil.which("make"), reason="make is missing")


@needs_make
@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("bundle", "--no-index --find-links bundle/wheels/"),
        (
            "http://10.0.0.5:8000/bundle",
            "--find-links http://10.0.0.5:8000/bundle/wheels/ "
            "--trusted-host 10.0.0.5:8000",
        ),
    ],
)
def test_make_installs_from_the_bundle_alone(tmp_path, place, expected):
    for name in ("Makefile", "pyproject.toml", "install/requirements.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    environment = os.environ | {"STYLE_WORKSHOP_DATA": str(tmp_path)}
    command = ["make", "--dry-run", "picture", f"BUNDLE={place}"]
    run = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env=environment
    )
    text = " ".join(run.stdout.replace("\\\n", " ").split())
    assert run.returncode == 0, run.stderr
    assert expected in text
    assert f"bundle.py take {place} {tmp_path}/weights/vgg19.npz" in text
    command[-1] = "BUNDLE="
    run = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env=environment
    )
    assert "--no-index" not in run.stdout and "bundle.py" not in run.stdout


def without_network(*command: str) -> list[str]:
    return ["unshare", "-n", "-r", *command]


def network_can_be_cut() -> bool:
    if not shutil.which("unshare"):
        return False
    return subprocess.run(without_network("true"), capture_output=True).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not network_can_be_cut(), reason="the network cannot be cut here")
@pytest.mark.skipif(
    not (ROOT / "dist" / "bundle" / "pythons").exists(), reason="make bundle first"
)
def test_all_that_pip_needs_is_in_the_bundle():
    """pip resolves the whole install without a network; it installs nothing."""
    arguments = ["-m", "pip", "install", "--dry-run", "--ignore-installed"]
    arguments += ["--no-index", "--find-links", "dist/bundle/wheels/"]
    arguments += ["-c", "install/requirements.txt", "-e", ".[cpu,lab,test]"]
    run = subprocess.run(
        without_network(sys.executable, *arguments),
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    assert "Would install" in run.stdout
