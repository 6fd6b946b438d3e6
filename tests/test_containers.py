"""The room of containers, the devcontainer, and what hadolint says of the images."""

import json
import re
import shutil
import subprocess
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


@pytest.mark.skipif(not shutil.which("hadolint"), reason="hadolint is not installed")
@pytest.mark.parametrize("name", ["Dockerfile.cpu", "Dockerfile.gpu"])
def test_hadolint_has_nothing_to_say(name):
    run = subprocess.run(["hadolint", name], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
