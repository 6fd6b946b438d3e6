"""The decks: their minutes, their code, their pictures, and that no PDF is old."""

import contextlib
import json
import re
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SLIDES = ROOT / "slides"
sys.path.insert(0, str(SLIDES))

import build  # noqa: E402

HEAD = "---\nmarp: true\ntheme: workshop\n---\n"


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A folder of slides of our own; gives the function that writes a deck."""
    shutil.copy(SLIDES / "theme.css", tmp_path)
    shutil.copy(SLIDES / "package.json", tmp_path)
    monkeypatch.setattr(build, "HERE", tmp_path)
    monkeypatch.setattr(build, "THEME", tmp_path / "theme.css")

    def write(body: str) -> str:
        (tmp_path / "toy.md").write_text(HEAD + body, encoding="utf-8")
        return "toy"

    return write


def pages_of(pdf: bytes) -> int:
    """Count the pages; their dictionaries lie in compressed streams."""
    text = b""
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        with contextlib.suppress(zlib.error):
            text += zlib.decompress(stream)
    return len(re.findall(rb"/Type\s*/Page\b", text))


# --- the decks ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deck", "minutes"),
    [("StyleTransferWorkshop", 45), ("StyleTransferWorkshop_v3", 240)],
)
def test_minutes(deck, minutes):
    sections = build.plan(build.read(deck))
    assert sum(took for *_, took in sections) == minutes


@pytest.mark.parametrize("deck", build.DECKS)
def test_no_pdf_is_older_than_its_text_code_and_pictures(deck):
    built = json.loads(build.BUILT.read_text())[deck]
    assert built["sources"] == build.digest(deck), "run `make slides`"
    assert built["pdf"] == build.sha256(SLIDES / f"{deck}.pdf"), "run `make slides`"


@pytest.mark.parametrize("deck", build.DECKS)
def test_a_pdf_has_a_page_for_each_slide_and_is_small(deck):
    content = (SLIDES / f"{deck}.pdf").read_bytes()
    slides = build.slides_of(build.read(deck))
    assert pages_of(content) == len(slides)
    assert len(content) <= build.LARGEST


def test_the_instructor_has_the_plan_of_the_deck():
    guide = (SLIDES / "INSTRUCTOR.md").read_text(encoding="utf-8")
    for title, begin, took in build.plan(build.read("StyleTransferWorkshop_v3")):
        clock = f"{begin // 60}:{begin % 60:02}"
        assert re.search(
            rf"^\| {clock} \| {took} \| {re.escape(title)} \|", guide, re.M
        )


def test_the_second_slide_says_how_long_each_chapter_takes():
    deck = build.read("StyleTransferWorkshop_v3")
    taught: dict[str, int] = {}
    for title, _, took in build.plan(deck):
        if re.match(r"\d\.\d ", title):
            taught[title[0]] = taught.get(title[0], 0) + took
    rows = re.findall(r"^\| (\d)\.\d .* \| (\d+) \|$", build.slides_of(deck)[1], re.M)
    assert {chapter: int(took) for chapter, took in rows} == taught


def test_the_full_day_has_the_minutes_that_the_notebooks_state():
    guide = (SLIDES / "INSTRUCTOR.md").read_text(encoding="utf-8")
    line = next(x for x in guide.splitlines() if x.startswith("Morning: "))
    planned = re.findall(r"(\d\.\d) \((\d+)\)", line)
    assert len(planned) == 9
    for chapter, minutes in planned:
        first = min(
            (ROOT / "notebooks").glob(f"{chapter}_*.ipynb"), key=lambda p: p.stem
        )
        head = "".join(json.loads(first.read_text("utf-8"))["cells"][0]["source"])
        assert f"**{minutes} minutes to teach" in head, chapter


def test_every_question_of_a_notebook_has_its_answer():
    """Three answers a notebook, each behind its question in italics."""
    guide = (SLIDES / "INSTRUCTOR.md").read_text(encoding="utf-8")
    guide = guide[guide.index("## Answers to the three questions") :]
    answered = dict(re.findall(r"^\*\*(\d\.\d(?: \w+)?)\*\* (.*)$", guide, re.M))
    lessons = list((ROOT / "notebooks").glob("[0-9]*.ipynb"))
    asking = [x for x in lessons if "**Three questions.**" in x.read_text("utf-8")]
    assert len(answered) == len(asking) == len(lessons)
    for chapter, text in answered.items():
        questions = re.findall(r"(?<!\*)\*[^*]+?[?,]?\*(?!\*)", text)
        assert len(questions) == 3, chapter


def test_the_instructor_has_the_plan_of_the_talk():
    """Each row is a run of slides: where it begins, and its minutes."""
    guide = (SLIDES / "INSTRUCTOR.md").read_text(encoding="utf-8")
    minutes = [
        build.minutes_of(slide)
        for slide in build.slides_of(build.read("StyleTransferWorkshop"))
    ]
    rows = re.findall(r"^\| 0:(\d\d) \| (\d+) \| (\d+)(?: to (\d+))? \|", guide, re.M)
    clock = slide = 0
    for begin, took, first, last in rows:
        assert (int(begin), int(first)) == (clock, slide + 1)
        slide = int(last or first)
        assert int(took) == sum(minutes[int(first) - 1 : slide])
        clock += int(took)
    assert (clock, slide) == (45, len(minutes))


def test_every_cut_is_still_in_its_notebook():
    import figures

    for name, (notebook, cell, index) in figures.CUTS.items():
        assert figures.cut(notebook, cell, index).width > 300, name
    assert figures.layers_of_vgg().height > 300
    assert figures.ways().height > 300


def test_no_picture_lies_about_unused():
    used = {
        path.name
        for deck in build.DECKS
        for path in build.figures_of(build.read(deck))
        if path.parent.name == "figures"
    }
    kept = {path.name for path in (SLIDES / "figures").glob("*.jpg")}
    assert kept <= used, kept - used


def test_the_lock_names_exact_versions_and_no_host():
    package = json.loads((SLIDES / "package.json").read_text())
    lock = json.loads((SLIDES / "package-lock.json").read_text())["packages"]
    assert lock[""]["devDependencies"] == package["devDependencies"]
    for version in package["devDependencies"].values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert not any("resolved" in entry for entry in lock.values())


# --- the build ------------------------------------------------------------------------


def test_code_is_cut_without_its_docstring():
    cut = build.function("style_workshop/losses.py", "content_loss")
    assert cut.startswith("def content_loss(") and '"""' not in cut
    assert cut.endswith("return tf.reduce_mean(tf.square(difference)) / 2")
    cut = build.function("notebooks/1.2_VGG_exploration_style.ipynb", "gram_matrix")
    assert "transpose_a=True" in cut and "toy" not in cut


def test_what_is_not_there_is_said():
    with pytest.raises(build.SlideError, match="no function"):
        build.function("style_workshop/losses.py", "lost")
    with pytest.raises(build.SlideError, match="no heading"):
        build.heading("2.0_Gatys_method", "A heading that nobody wrote")
    with pytest.raises(build.SlideError, match="no minutes"):
        build.expand(HEAD + "# One\n\n<!-- 1 min: a -->\n\n---\n\n# Two\n")


def test_the_clock_stands_before_each_note():
    text = HEAD + "# A\n\n<!-- 61 min: a -->\n\n---\n\n# B\n\n<!-- 2 min: b -->\n"
    assert "<!-- 0:00 (61 min) a -->" in build.expand(text)
    assert "<!-- 1:01 (2 min) b -->" in build.expand(text)


def test_a_missing_figure_is_found(toy):
    toy("# A\n\n![h:100](figures/lost.jpg)\n\n<!-- 1 min: a -->\n")
    with pytest.raises(build.SlideError, match=r"lost\.jpg"):
        build.digest("toy")


def test_what_changes_a_slide_changes_the_digest(toy, tmp_path, monkeypatch):
    (tmp_path / "a.jpg").write_bytes(b"picture")
    body = "# A\n\n{{code code.py f}}\n\n![](a.jpg)\n\n<!-- 1 min: a -->\n"
    monkeypatch.setattr(build, "ROOT", tmp_path)
    (tmp_path / "code.py").write_text("def f():\n    return 1\n")
    seen = {build.digest(toy(body))}
    assert build.digest(toy(body)) in seen
    for path, content in {
        "a.jpg": "another picture",
        "code.py": "def f():\n    return 2\n",
        "theme.css": "another theme",
        "toy.md": HEAD + body + "more",
    }.items():
        (tmp_path / path).write_text(content)
        seen.add(build.digest("toy"))
    assert len(seen) == 5


# --- in Chromium ----------------------------------------------------------------------

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
in_chromium = pytest.mark.skipif(
    not (CHROMIUM and shutil.which("node") and (SLIDES / "node_modules").is_dir()),
    reason="needs node, Chromium and `npm ci` in slides/",
)


@in_chromium
@pytest.mark.slow
def test_text_over_an_edge_and_a_picture_that_does_not_load_are_found(tmp_path):
    words = "words " * 80
    page = tmp_path / "deck.html"
    style = "width:1280px;height:720px;padding:40px;box-sizing:border-box"
    slides = [
        "<h1>Good</h1><p>words</p>",
        f"<h1>Long</h1><p style='font-size:60px'>{words}</p>",
        f"<h1>Wide</h1><pre style='overflow:hidden'>{words}</pre>",
        "<h1>Lost</h1><img src='lost.jpg' width=100 height=100>",
    ]
    sections = [f"<section style='{style}'>{slide}</section>" for slide in slides]
    page.write_text(f"<body style='margin:0'>{''.join(sections)}")
    run = subprocess.run(
        ["node", "check.mjs", str(page)], cwd=SLIDES, capture_output=True, text=True
    )
    assert run.returncode == 1, run.stderr
    assert set(re.findall(r"slide \d \((\w+)\)", run.stdout)) == {
        "Long",
        "Wide",
        "Lost",
    }


@in_chromium
@pytest.mark.slow
def test_a_live_deck_needs_no_internet(tmp_path):
    """Equations are set, pictures are there, and nothing else is asked for."""
    folder = ROOT / "outputs" / "live"
    notebook = "1.2_VGG_exploration_style"
    command = [sys.executable, "-m", "nbconvert", "--to", "slides"]
    command += ["--config", "slides/live_config.py", "--output-dir", str(folder)]
    command += ["--output", f"{notebook}-test", f"notebooks/{notebook}.ipynb"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    deck = folder / f"{notebook}-test.slides.html"
    run = subprocess.run(
        ["node", "check_live.mjs", str(deck)],
        cwd=SLIDES, capture_output=True, text=True,
    )  # fmt: skip
    deck.unlink()
    assert run.returncode == 0, run.stderr
    seen = json.loads(run.stdout.splitlines()[-1])
    assert seen["lost"] == [] and seen["errors"] == []
    assert seen["broken"] == 0
    assert seen["slides"] > 15 and seen["equations"] > 5 and seen["pictures"] > 5
    assert seen["moved"] == "#/1"
