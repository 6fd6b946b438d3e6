"""Every notebook follows the template, is executed, and has small test values."""

import re
import sys
from pathlib import Path

import nbformat
import pytest

from conftest import ROOT, TABLE, assigned_names, quick_source, quick_values

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NOTEBOOKS = ROOT / "notebooks"
LESSONS = sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))
SOLUTIONS = sorted((NOTEBOOKS / "solutions").glob("*.ipynb"))
TEMPLATE = ROOT / "tests" / "template.ipynb"
GLOSSARY = ROOT / "docs" / "glossary.md"


def headings(notebook) -> list[str]:
    """The second-level headings, in order, up to a colon."""
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    return [h.split(":")[0].strip() for h in re.findall(r"^## (.*)$", text, re.M)]


def code_cells(notebook):
    return [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]


def tagged(notebook, tag: str):
    return [c for c in notebook.cells if tag in c.metadata.get("tags", [])]


def is_subsequence(short: list[str], long: list[str]) -> bool:
    rest = iter(long)
    return all(any(word == other for other in rest) for word in short)


def read(path: Path):
    return nbformat.read(path, as_version=4)


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem)
def lesson(request):
    return read(request.param)


@pytest.fixture(params=[*LESSONS, *SOLUTIONS], ids=lambda path: path.stem)
def any_notebook(request):
    return read(request.param)


def test_there_are_lessons():
    assert len(LESSONS) >= 3


def test_sections_are_those_of_the_template_in_its_order(lesson):
    assert is_subsequence(headings(read(TEMPLATE)), headings(lesson))


def test_head_says_what_you_make_and_how_long_it_takes(lesson):
    head = lesson.cells[0].source
    assert head.startswith("# ")
    assert re.search(r"\d+ minutes to teach", head)
    assert re.search(r"\d+ minutes? to run", head)
    assert re.search(r"!\[.+\]\(figures/.+\.jpg\)", head), "no picture of the result"


def test_pictures_and_notebooks_that_the_text_links_to_exist(lesson):
    text = "\n".join(c.source for c in lesson.cells if c.cell_type == "markdown")
    for link in re.findall(r"\]\(([^)#\s]+)", text):
        if not link.startswith("http"):
            assert (NOTEBOOKS / link).exists(), link


def glossary_anchors() -> list[str]:
    """The anchors that a code host and the site give to the entries, in their order."""
    words = re.findall(r"^## (.+)$", GLOSSARY.read_text("utf-8"), re.M)
    return [word.lower().replace(" ", "-") for word in words]


def test_words_that_the_text_links_to_are_in_the_glossary(any_notebook):
    text = "\n".join(c.source for c in any_notebook.cells if c.cell_type == "markdown")
    linked = re.findall(r"glossary\.md#([^)\s]*)", text)
    assert set(linked) <= set(glossary_anchors())


def test_the_glossary_is_in_order_and_its_links_lead_somewhere():
    text, anchors = GLOSSARY.read_text("utf-8"), glossary_anchors()
    assert anchors == sorted(set(anchors))
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= set(anchors)
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (GLOSSARY.parent / link).exists(), link


def test_one_settings_cell_and_one_result_cell(lesson):
    assert len(tagged(lesson, "parameters")) == 1
    assert len(tagged(lesson, "result")) == 1


def test_each_setting_has_a_comment(lesson):
    (cell,) = tagged(lesson, "parameters")
    for line in cell.source.splitlines():
        if assigned_names_of_line(line):
            assert "#" in line, line


def assigned_names_of_line(line: str) -> set[str]:
    try:
        return assigned_names(line)
    except SyntaxError:  # one line of several that belong together
        return set()


def test_code_cells_are_short(any_notebook):
    for cell in code_cells(any_notebook):
        lines = cell.source.splitlines()
        assert len(lines) <= 20, cell.source
        assert max(map(len, lines)) <= 88, cell.source


def test_every_cell_has_its_place_on_the_slides(lesson):
    for cell in lesson.cells:
        assert cell.metadata.get("slideshow", {}).get("slide_type"), cell.source


#: What a slide holds at most: lines of text (of 90 letters), code and output; figures.
MOST_LINES, MOST_FIGURES = 36, 2


def slides_of(notebook) -> list[list]:
    """The cells of each slide of the live deck."""
    slides = []
    for cell in notebook.cells:
        kind = cell.metadata.slideshow.slide_type
        if kind in ("slide", "subslide"):
            slides.append([])
        if kind not in ("skip", "notes"):
            slides[-1].append(cell)
    return slides


def lines_of(text: str) -> int:
    """Lines that a text takes on a slide, where a hint is folded in."""
    text = re.sub(r"<details>.*?</details>", "", text, flags=re.S)
    lines = [line for line in text.splitlines() if line.strip()]
    return sum(-(-len(line) // 90) for line in lines)


def test_a_slide_of_the_live_deck_is_not_too_full(lesson):
    for cells in slides_of(lesson):
        outputs = [o for c in cells if c.cell_type == "code" for o in c.outputs]
        printed = [o.text for o in outputs if o.output_type == "stream"]
        lines = sum(map(lines_of, [*(c.source for c in cells), *printed]))
        figures = sum("image/jpeg" in o.get("data", {}) for o in outputs)
        title = cells[0].source.splitlines()[0]
        assert lines <= MOST_LINES and figures <= MOST_FIGURES, title


def test_lines_are_counted_as_a_slide_wraps_them():
    assert lines_of("# Title\n\n" + 91 * "a") == 3
    assert (
        lines_of("1. Why?\n   <details><summary>Hint</summary>Because</details>") == 1
    )


def test_executed_from_top_to_bottom_without_an_error(lesson):
    cells = code_cells(lesson)
    counts = [cell.execution_count for cell in cells]
    assert counts == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [o for o in outputs if o.output_type == "error"]
    assert not [o for o in outputs if o.get("name") == "stderr"]


def test_tensorflow_starts_as_quietly_as_in_the_package(any_notebook):
    """Above 2 its build for GPUs reports errors on a machine that has none."""
    for cell in code_cells(any_notebook):
        if "import tensorflow" in cell.source:
            before, _, _ = cell.source.partition("import tensorflow")
            assert 'setdefault("TF_CPP_MIN_LOG_LEVEL", "3")' in before
            return


def test_pictures_are_jpeg_and_the_file_is_small(lesson):
    outputs = [o for cell in code_cells(lesson) for o in cell.outputs if "data" in o]
    assert [o for o in outputs if "image/jpeg" in o.data]
    assert not [o for o in outputs if "image/png" in o.data]
    assert len(nbformat.writes(lesson)) < 1.25e6


def test_a_checked_cell_has_an_output_to_check_against(any_notebook):
    for cell in tagged(any_notebook, "nbval-check-output"):
        assert cell.outputs, f"nothing is checked in:\n{cell.source}"


#: remove-cell is what the reader's site calls a cell that it leaves out.
TAGS = {"parameters", "result", "exercise", "nbval-check-output", "remove-cell"}


def test_no_test_code_in_the_notebooks(any_notebook):
    text = "\n".join(cell.source for cell in any_notebook.cells)
    assert not re.search(r"quick\.toml|pytest|NBVAL", text)
    tags = {tag for cell in any_notebook.cells for tag in cell.metadata.get("tags", [])}
    assert tags <= TAGS


def test_every_notebook_has_an_entry_and_every_entry_a_notebook():
    table = tomllib.loads(TABLE.read_text())
    paths = [p.relative_to(NOTEBOOKS).as_posix() for p in [*LESSONS, *SOLUTIONS]]
    assert sorted(table) == sorted([*paths, f"../tests/{TEMPLATE.name}"])


def test_every_lesson_has_its_solutions(lesson, request):
    solutions = {path.name for path in SOLUTIONS}
    links = re.findall(
        r"\(solutions/(\S+?\.ipynb)\)", "\n".join(c.source for c in lesson.cells)
    )
    assert links
    assert set(links) <= solutions


def test_readme_has_the_flicker_that_the_notebook_prints():
    lesson = read(NOTEBOOKS / "2.0_Gatys_method_video.ipynb")
    outputs = [o for cell in code_cells(lesson) for o in cell.outputs]
    printed = "".join(o.text for o in outputs if o.output_type == "stream")
    ways = re.findall(r"([\d.]+) gray levels, ([\d.]+) of frame by frame", printed)
    networks = re.findall(r"mosaic\w* +([\d.]+) gray levels", printed)
    readme = (ROOT / "README.md").read_text("utf-8")
    rows = re.findall(r"\| ([\d.]+) \| ([\d.]+) \|\n", readme)
    sentence = re.findall(r"with a flicker of ([\d.]+); .* with ([\d.]+), and", readme)
    assert len(ways) == 5 and sorted(rows) == sorted(ways)
    assert sentence == [tuple(networks)]


# ------------------------------------------------- the hook that shrinks the settings


def test_small_values_come_after_the_full_ones():
    source = "steps = 300  # of L-BFGS\nsize: int = 512\na, b = 1, 2"
    quick = quick_source(source, {"steps": 2, "size": 32, "b": [3]}, "x.ipynb")
    names = {}
    exec(quick, names)
    assert (names["steps"], names["size"], names["a"], names["b"]) == (2, 32, 1, [3])


def test_a_name_that_the_cell_does_not_assign_is_an_error():
    with pytest.raises(ValueError, match="sets step for x.ipynb"):
        quick_source("steps = 300", {"step": 2}, "x.ipynb")


def test_a_notebook_without_an_entry_is_an_error():
    with pytest.raises(ValueError, match="no entry for x.ipynb"):
        quick_values("x.ipynb", {})


def write_notebook(folder: Path, *sources: str, tags=()) -> Path:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    cells[0].metadata["tags"] = list(tags)
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbformat.write(notebook, folder / "notebooks" / "x.ipynb")


@pytest.fixture
def project(pytester):
    """A project with this one's hook, a table and an empty folder of notebooks."""
    pytester.makeconftest((ROOT / "conftest.py").read_text())
    (pytester.path / "tests").mkdir()
    (pytester.path / "notebooks").mkdir()
    (pytester.path / "tests" / "quick.toml").write_text('["x.ipynb"]\nsteps = 2\n')
    return pytester


OPTIONS = ["--nbval-lax", "--nbval-current-env", "-p", "no:cacheprovider"]


@pytest.mark.slow
def test_a_notebook_runs_with_the_small_values(project):
    write_notebook(
        project.path, "steps = 300  # full", "assert steps == 2", tags=["parameters"]
    )
    before = (project.path / "notebooks" / "x.ipynb").read_bytes()
    project.runpytest_subprocess(*OPTIONS).assert_outcomes(passed=2)
    assert (project.path / "notebooks" / "x.ipynb").read_bytes() == before


@pytest.mark.slow
def test_the_run_stops_at_an_entry_that_fits_no_name(project):
    write_notebook(project.path, "other = 300", tags=["parameters"])
    result = project.runpytest_subprocess(*OPTIONS)
    assert result.ret != 0
    result.stderr.fnmatch_lines(["*sets steps for x.ipynb*"])
