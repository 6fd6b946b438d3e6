"""The reader's site in a real browser, and what it is laid out from.

The browser takes minutes, so it starts for ``make test-site`` alone, which sets
``SITE_TEST``; and where the site, node, its packages and Chromium are there.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


@pytest.fixture
def stage():
    pytest.importorskip("sphinx", reason="needs the site extra")
    sys.path.insert(0, str(DOCS))
    import stage

    yield stage
    sys.path.remove(str(DOCS))


@pytest.fixture
def browse():
    """Give the function that runs ``docs/check.mjs``, or skip."""
    needed = [ROOT / "site/index.html", DOCS / "node_modules/playwright-core", CHROMIUM]
    if "SITE_TEST" not in os.environ or not shutil.which("node"):
        pytest.skip("make test-site runs it")
    if missing := [path.name for path in needed if not path.exists()]:
        pytest.skip(f"no {missing[0]}: make site")

    def run(*words: str) -> dict:
        command = ["node", str(DOCS / "check.mjs"), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_npm_packages_have_exact_versions_and_no_address_of_a_machine():
    package, lock = read("docs/package.json"), read("docs/package-lock.json")
    wanted = json.loads(package)
    for version in {**wanted["dependencies"], **wanted["devDependencies"]}.values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    # npm's own configuration decides where packages come from.
    assert not any("resolved" in row for row in json.loads(lock)["packages"].values())


def test_readme_has_its_badge_once_the_code_host_is_named():
    host = re.search(r'^code-host = "(.*)"$', read("pyproject.toml"), re.M)[1]
    badge = f"{host}/actions/workflows/pages.yml/badge.svg"
    assert (badge in read("README.md")) == bool(host)


def test_every_notebook_has_a_card_and_every_module_a_page(stage):
    index, pages = stage.index(), stage.api()
    for path in ROOT.glob("notebooks/*.ipynb"):
        assert f":link: /notebooks/{path.stem}\n" in index
    for path in (ROOT / "style_workshop").glob("[a-z]*.py"):
        assert f"{path.stem}.rst" in pages


@pytest.mark.slow
def test_pages_load_without_a_network_and_fit_the_screen(browse):
    found = browse("pages")
    assert found["pages"] > 80
    assert found["faults"] == []


@pytest.mark.slow
def test_the_playground_paints_what_python_paints(browse, tmp_path):
    from style_workshop import IMAGES, NETWORKS, fast, feedforward, images

    found = browse("playground", str(tmp_path / "cat.png"))
    assert found["faults"] == []
    assert found["wide"] <= 0
    network = feedforward.load(NETWORKS / "twelve_styles.npz")
    cat = images.read(IMAGES / "content" / "cat.jpg")
    here = fast.paint(network, cat, np.eye(12)[0])
    there = images.read(tmp_path / "cat.png")
    assert np.abs(here - there).mean() < 1
    broken, huge, other = found["sentences"]
    assert "no picture that the browser can read" in broken
    assert "more than 50 megapixels" in huge
    assert "holds no network of this workshop" in other
    early, late = found["memory"][1], found["memory"][-1]
    assert late < early + 40  # megabytes, over thirty pictures
    assert found["left"] == "55%"
