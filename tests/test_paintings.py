"""Fetching paintings, from a local server that answers as Wikimedia Commons does.

The shape of its answers is that of https://www.mediawiki.org/wiki/API:Imageinfo with
``formatversion=2``.
"""

import functools
import io
import json
import signal
import subprocess
import sys
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import parse_qs, quote, unquote, urlsplit

import numpy as np
import pytest
import requests
from PIL import Image

from style_workshop import __main__ as command_line
from style_workshop import __version__, images
from style_workshop.fetch import commons as commons_client
from style_workshop.fetch import paintings

NAMES = ["starry_night", "great_wave", "scream"]


def jpeg(width: int, height: int) -> bytes:
    ramp = np.linspace(0, 255, width * height * 3).reshape(height, width, 3)
    file = io.BytesIO()
    Image.fromarray(ramp.astype(np.uint8)).save(file, "JPEG", quality=90)
    return file.getvalue()


class Commons(ThreadingHTTPServer):
    """Files of 3,000 x 2,000 pixels; ``plan[file]`` holds answers to give first."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.requests, self.agents = [], []
        self.plan = {}  # (file, "api" or "picture") -> answers, each used once
        self.licences = {}
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        self.release = threading.Event()  # of those that hang

    def first(self, name, *answers, kind="picture"):
        self.plan[paintings.PAINTINGS[name].file, kind] = list(answers)

    def asked(self):
        """Which painting was asked for, and what of it, in order."""
        names = {painting.file: name for name, painting in paintings.PAINTINGS.items()}
        return [(names[file], kind) for file, kind, _ in self.requests]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        commons = self.server
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if parts.path == "/w/api.php":
            file, kind = query["titles"].removeprefix("File:"), "api"
        else:
            file, kind = unquote(parts.path.split("/")[2]), "picture"
        with commons.lock:
            commons.requests.append((file, kind, query))
            commons.agents.append(self.headers["User-Agent"])
            commons.at_once += 1
            commons.most_at_once = max(commons.most_at_once, commons.at_once)
        answers = commons.plan.get((file, kind))
        answer = answers.pop(0) if answers else {}
        usual = self.describe if kind == "api" else self.render
        # The next request may come as soon as this one has its answer.
        body = answer["body"] if "body" in answer else usual(file, query, parts)
        with commons.lock:
            commons.at_once -= 1
        self.give(body, kind, **{k: v for k, v in answer.items() if k != "body"})

    def describe(self, file, query, _):
        assert query["format"] == "json" and query["formatversion"] == "2"
        assert query["action"] == "query" and query["prop"] == "imageinfo"
        assert query["redirects"] == "1" and "url" in query["iiprop"].split("|")
        width, name = query["iiurlwidth"], quote(file.replace(" ", "_"))
        commons = "https://commons.wikimedia.org"
        about = {
            "LicenseShortName": self.server.licences.get(file, "Public domain"),
            "ObjectName": "<i>A title</i> &amp; more",
        }
        info = {
            "size": 19_000_000,
            "width": 3000,
            "height": 2000,
            "thumburl": f"{self.server.address}/thumb/{quote(file)}/{width}px-{name}"
            "?utm_source=commons.wikimedia.org&utm_campaign=imageinfo",
            "thumbwidth": int(width),
            "thumbheight": int(width) * 2 // 3,
            "url": f"{self.server.address}/{name}?utm_source=commons.wikimedia.org",
            "descriptionurl": f"{commons}/wiki/File:{name}",
            "descriptionshorturl": f"{commons}/w/index.php?curid=1",
            "sha1": "0123456789abcdef0123456789abcdef01234567",
            "extmetadata": {
                key: {"value": value, "source": "commons-desc-page"}
                for key, value in about.items()
                if value is not None
            },
        }
        page = {
            "pageid": 1,
            "ns": 6,
            "title": f"File:{file}",
            "imagerepository": "local",
            "imageinfo": [info],
        }
        return api_answer(page)

    def render(self, file, query, parts):
        width = int(parts.path.split("/")[3].split("px-")[0])
        return jpeg(width, width * 2 // 3)

    def give(
        self, body, kind, status=200, headers=(), cut=None, hang=False, chunked=False
    ):
        usual = "application/json; charset=utf-8" if kind == "api" else "image/jpeg"
        headers = {"Content-Type": usual, **dict(headers)}
        self.send_response(status)
        if not chunked:
            headers.setdefault("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[:cut])
        self.wfile.flush()
        if hang:
            self.server.release.wait(30)

    def log_message(self, *_):
        pass


class Cut(Handler):
    """Takes the request, and hangs up without a word."""

    def do_GET(self):
        self.close_connection = True


def api_answer(page: dict) -> bytes:
    return json.dumps({"batchcomplete": True, "query": {"pages": [page]}}).encode()


@pytest.fixture
def commons(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Commons() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.release.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def fetch(commons, tmp_path):
    """`paintings.fetch` from the local server; ``fetch.said`` is what it said."""
    said = []

    def fetch(names=("starry_night",), size=96, api=None, **more):
        return paintings.fetch(
            names,
            tmp_path / "paintings",
            size=size,
            api=api or f"{commons.address}/w/api.php",
            pause=0.002,
            say=said.append,
            **more,
        )

    fetch.said = said
    fetch.folder = tmp_path / "paintings"
    return fetch


def no_waiting(monkeypatch) -> list[float]:
    """Stop the clock of `paintings`; give the list of the seconds it would wait."""
    waits = []
    clock = SimpleNamespace(sleep=waits.append, monotonic=lambda: 100.0, time=time.time)
    monkeypatch.setattr(commons_client, "time", clock)
    return waits


def files(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def fails(fetch, names=("starry_night",), **more) -> str:
    """Fetch one painting that fails, and give the sentence."""
    with pytest.raises(paintings.PaintingError, match="1 of 1 paintings could not be"):
        fetch(names, **more)
    assert files(fetch.folder) == []
    sentence = fetch.said[-1]
    assert sentence.startswith(f"{names[0]}: ") and sentence.endswith(".")
    assert "\n" not in sentence and "Traceback" not in sentence
    return sentence


# --- what works ----------------------------------------------------------------------


def test_pictures_with_their_metadata(commons, fetch):
    paths = fetch(NAMES)
    assert list(paths) == NAMES and fetch.said == []
    assert files(fetch.folder) == sorted(
        f"{name}{ending}" for name in NAMES for ending in (".jpg", ".json")
    )
    assert images.read(paths["scream"]).shape == (64, 96, 3)
    about = json.loads(paths["scream"].with_suffix(".json").read_text("utf-8"))
    assert about.items() <= images.read_settings(paths["scream"]).items()
    assert about["title"] == "A title & more"
    assert about["artist"] == "Edvard Munch" and about["date"] == "1893"
    assert about["licence"] == "Public domain" and len(about["sha1"]) == 40
    assert about["page"].startswith("https://commons.wikimedia.org/wiki/File:Edvard")
    assert about["url"].endswith(".jpg") and "utm" not in about["url"]
    assert about["file"] == paintings.PAINTINGS["scream"].file


def test_one_request_at_a_time_under_a_name(commons, fetch, monkeypatch):
    monkeypatch.setenv("STYLE_WORKSHOP_CONTACT", "someone@example.org")
    fetch(NAMES)
    assert commons.asked() == [(n, kind) for n in NAMES for kind in ("api", "picture")]
    assert commons.most_at_once == 1
    agents = set(commons.agents)
    library = f"python-requests/{requests.__version__}"
    assert agents == {f"StyleWorkshop/{__version__} (someone@example.org) {library}"}


def test_a_pause_before_every_request_but_the_first(commons, fetch, monkeypatch):
    sleeps = no_waiting(monkeypatch)
    fetch(NAMES)
    assert sleeps[0] == 0 and np.allclose(sleeps[1:], 0.002) and len(sleeps) == 6


@pytest.mark.parametrize(("size", "width"), [(96, 250), (500, 500), (1024, 1280)])
def test_a_width_that_commons_keeps(commons, fetch, size, width):
    path = fetch(size=size)["starry_night"]
    assert commons.requests[0][2]["iiurlwidth"] == str(width)
    assert max(images.read(path).shape) == size


def test_a_small_original_is_not_enlarged(commons, fetch):
    commons.first("starry_night", {"body": jpeg(60, 90)})
    assert images.read(fetch()["starry_night"]).shape == (90, 60, 3)


def test_second_run_asks_nothing(commons, fetch):
    first = fetch(NAMES)
    before = [path.stat().st_mtime_ns for path in first.values()]
    commons.requests.clear()
    assert fetch(NAMES) == first and commons.requests == []
    assert [path.stat().st_mtime_ns for path in first.values()] == before
    assert "3 of 3 are already in" in fetch.said[-1]


def test_a_painting_twice_is_fetched_once(commons, fetch):
    fetch(["scream", "scream"])
    assert len(commons.requests) == 2


@pytest.mark.parametrize("licence", ["Public domain", "CC0"])
def test_free_licences(commons, fetch, licence):
    commons.licences[paintings.PAINTINGS["starry_night"].file] = licence
    fetch()
    assert files(fetch.folder) == ["starry_night.jpg", "starry_night.json"]


# --- patience ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["api", "picture"])
def test_too_many_requests_then_good(commons, fetch, kind, monkeypatch):
    waits = no_waiting(monkeypatch)
    busy = {"status": 429, "headers": {"Retry-After": "7"}, "body": b"slower"}
    commons.first("starry_night", busy, kind=kind)
    fetch()
    assert commons.asked().count(("starry_night", kind)) == 2
    assert max(waits) == 7


def test_unavailable_twice_then_good(commons, fetch, monkeypatch):
    waits = no_waiting(monkeypatch)
    busy = {"status": 503, "body": b"", "headers": {"Content-Type": "text/html"}}
    commons.first("starry_night", busy, busy)
    fetch()
    assert np.allclose(waits, [0, 0.002, 0.004, 0.008])  # twice as long each time


def test_retry_after_as_a_date(commons, fetch, monkeypatch):
    waits = no_waiting(monkeypatch)
    date = formatdate(time.time() + 30, usegmt=True)
    busy = {"status": 503, "headers": {"Retry-After": date}, "body": b""}
    commons.first("starry_night", busy)
    fetch()
    assert 25 < max(waits) <= 30


@pytest.mark.parametrize("asked", ["", "soon", "-5", "²", "1e9", "0"])
def test_a_retry_after_that_says_nothing(commons, fetch, asked):
    headers = {"Retry-After": asked}
    commons.first("starry_night", {"status": 429, "headers": headers, "body": b""})
    fetch()


def test_patience_ends(commons, fetch):
    busy = {"status": 503, "body": b""}
    commons.first("starry_night", *[busy] * 9)
    assert "busy: wait 60 seconds" in fails(fetch)
    assert (
        commons.asked().count(("starry_night", "picture")) == 1 + commons_client.RETRIES
    )


def test_a_long_wait_is_left_to_the_person(commons, fetch):
    busy = {"status": 429, "headers": {"Retry-After": "3600"}, "body": b""}
    commons.first("starry_night", busy, kind="api")
    assert "wait 3600 seconds" in fails(fetch)
    assert len(commons.requests) == 1


# --- what fails, with a sentence -----------------------------------------------------

PAGE = b"<!DOCTYPE html><html><body>Log in to the guest network</body></html>"
HTML = {"body": PAGE, "headers": {"Content-Type": "text/html; charset=utf-8"}}
WHOLE = jpeg(250, 166)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"status": 404, "body": b"gone"}, "answered 404"),
        ({"status": 400, "body": b"Use thumbnail sizes listed"}, "answered 400"),
        ({"status": 403, "body": b"robot"}, "STYLE_WORKSHOP_CONTACT"),
        (HTML, "text/html; charset=utf-8 in place of image/"),
        ({"body": PAGE}, "is not a whole picture"),
        ({"body": b""}, "is not a whole picture"),
        ({"body": WHOLE[:3000]}, "is not a whole picture"),
        ({"body": WHOLE, "cut": 3000}, "broke off"),
        ({"body": WHOLE, "headers": {"Content-Length": "1000000"}}, "broke off"),
        ({"body": WHOLE, "headers": {"Content-Length": "many"}}, "broke off"),
        ({"body": WHOLE, "headers": {"Content-Encoding": "gzip"}}, "broke off"),
        (
            {"status": 302, "body": b"", "headers": {"Location": "file:///etc/passwd"}},
            "broke off (InvalidSchema)",
        ),
        (
            {"status": 302, "body": b"", "headers": {"Location": "http://[/"}},
            "broke off",
        ),
        ({"status": 302, "body": b"", "headers": {"Location": ""}}, "answered 302"),
    ],
)
def test_a_picture_that_fails(commons, fetch, answer, sentence):
    commons.first("starry_night", answer)
    assert sentence in fails(fetch)
    fetch()  # and works the next time
    assert files(fetch.folder) == ["starry_night.jpg", "starry_night.json"]


KEYS = dict.fromkeys(("url", "thumburl", "descriptionurl", "sha1"), "x")


def with_licence(entry) -> bytes:
    """An answer whose licence is ``entry``, where there should be a ``value``."""
    info = KEYS | {"extmetadata": {"LicenseShortName": entry}}
    return api_answer({"imageinfo": [info]})


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"status": 404, "body": b"gone"}, "answered 404"),
        (HTML, "log-in page"),
        ({"body": PAGE}, "not understood"),
        ({"body": b"[]"}, "not understood"),
        ({"body": b'{"error":{"code":"readonly","info":"closed"}}'}, "closed"),
        ({"body": b'{"batchcomplete":true}'}, "not understood"),
        ({"body": api_answer({"imageinfo": [{"url": "x"}]})}, "not understood"),
        ({"body": api_answer({"imageinfo": "?"})}, "not understood"),
        ({"body": b"[" * 100_000}, "not understood"),
        ({"body": b'{"query":' * 100_000 + b"1" + b"}" * 100_000}, "not understood"),
        *(
            ({"body": api_answer({"imageinfo": [KEYS | {"extmetadata": odd}]})}, said)
            for odd, said in {
                "text": "not understood",
                7: "not understood",
                ("LicenseShortName",): "not understood",
            }.items()
        ),
        *(
            ({"body": with_licence(odd)}, said)
            for odd, said in (
                ("CC0", "not understood"),
                ({"val": "CC0"}, "not understood"),
                ({"value": ["CC0"]}, "the licence"),
                ({"value": "<" * 10_000_000}, "the licence"),
            )
        ),
        (
            {"body": api_answer({"ns": 6, "title": "File:x.jpg", "missing": True})},
            "has no file 'Van Gogh - Starry Night - Google Art Project.jpg'",
        ),
    ],
)
def test_an_answer_that_fails(commons, fetch, answer, sentence):
    commons.first("starry_night", answer, kind="api")
    assert sentence in fails(fetch)


@pytest.mark.parametrize("licence", ["CC BY-SA 4.0", "Fair use", "", None])
def test_not_free(commons, fetch, licence):
    commons.licences[paintings.PAINTINGS["starry_night"].file] = licence
    assert f"the licence {licence or 'none'!r}, not public domain" in fails(fetch)
    assert commons.asked() == [("starry_night", "api")]  # no picture was fetched


def test_metadata_that_is_empty_is_a_list_in_php(commons, fetch):
    info = KEYS | {"extmetadata": []}
    answer = {"body": api_answer({"imageinfo": [info]})}
    commons.first("starry_night", answer, kind="api")
    assert "the licence 'none'" in fails(fetch)


@pytest.mark.parametrize("chunked", [False, True])
def test_too_large(commons, fetch, monkeypatch, chunked):
    monkeypatch.setattr(commons_client, "LIMIT", 2000)
    commons.first("starry_night", {"body": WHOLE, "chunked": chunked})
    assert "more than 0.002 MB" in fails(fetch)


def test_connection_cut(commons, fetch):
    commons.RequestHandlerClass = Cut
    assert "broke off (ConnectionError)" in fails(fetch)


def test_no_answer(commons, fetch, monkeypatch):
    monkeypatch.setattr(commons_client, "TIMEOUT", (0.2, 0.2))
    commons.first("starry_night", {"body": WHOLE, "cut": 99, "hang": True})
    assert "broke off" in fails(fetch)


def test_no_network(commons, fetch):
    commons.server_close()
    sentence = fails(fetch)
    assert "could not be reached" in sentence and "check the network" in sentence


def test_https_stays_https(commons):
    encrypted = commons_client.Commons("https://commons.wikimedia.org/w/api.php", 0)
    with pytest.raises(paintings.PaintingError, match="InvalidSchema"):
        encrypted.get(f"{commons.address}/thumb/x.jpg/250px-x.jpg", "image/")
    assert commons.requests == []
    assert commons_client.API.startswith("https://")


def test_the_others_are_still_fetched(commons, fetch):
    commons.first("starry_night", {"status": 404, "body": b""})
    commons.licences[paintings.PAINTINGS["scream"].file] = "CC BY 2.0"
    with pytest.raises(paintings.PaintingError, match="2 of 3 paintings could not"):
        fetch(NAMES)
    assert files(fetch.folder) == ["great_wave.jpg", "great_wave.json"]
    assert [line.split(":")[0] for line in fetch.said] == ["starry_night", "scream"]


def test_killed_and_run_again(commons, fetch):
    commons.first("great_wave", {"body": WHOLE, "cut": 3000, "hang": True})
    code = (
        "import sys; from style_workshop.fetch import paintings; "
        "paintings.fetch(sys.argv[3:], sys.argv[2], size=96, api=sys.argv[1], pause=0)"
    )
    api = f"{commons.address}/w/api.php"
    process = subprocess.Popen(
        [sys.executable, "-c", code, api, str(fetch.folder), *NAMES],
        stderr=subprocess.DEVNULL,
    )
    give_up = time.monotonic() + 20
    while len(commons.requests) < 4 and time.monotonic() < give_up:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) != 0
    assert files(fetch.folder) == ["starry_night.jpg", "starry_night.json"]
    commons.requests.clear()
    fetch(NAMES)
    assert {name for name, _ in commons.asked()} == {"great_wave", "scream"}
    assert len(files(fetch.folder)) == 6


def test_interrupted_while_it_writes(commons, fetch, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(images, "save", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fetch()
    assert files(fetch.folder) == ["starry_night.json"]
    fetch()  # the picture is not there: fetched again
    assert files(fetch.folder) == ["starry_night.jpg", "starry_night.json"]


# --- refused before any request ------------------------------------------------------


def test_unknown_name(commons, fetch):
    with pytest.raises(paintings.PaintingError, match="no painting 'guernica'") as told:
        fetch(["starry_night", "guernica"])
    assert all(name in str(told.value) for name in paintings.PAINTINGS)
    assert commons.requests == [] and files(fetch.folder) == []


@pytest.mark.parametrize("size", [-1, 0, 15, 3841])
def test_sizes_that_make_no_sense(commons, fetch, size):
    with pytest.raises(paintings.PaintingError, match="use 16 to 3840"):
        fetch(size=size)
    assert commons.requests == []


def test_a_folder_that_is_a_file(commons, fetch):
    fetch.folder.write_text("no folder")
    with pytest.raises(images.PictureError, match="Cannot write into"):
        fetch()
    assert commons.requests == []


# --- the table and the command -------------------------------------------------------


def test_every_artist_died_more_than_70_years_ago():
    for name, painting in paintings.PAINTINGS.items():
        assert name.isidentifier() and name == name.lower()
        assert painting.year <= painting.died < 2025 - 70, name
        assert painting.file.endswith(".jpg") and "|" not in painting.file
        assert not painting.file.startswith("File:") and "_" not in painting.file
    found = {painting.file for painting in paintings.PAINTINGS.values()}
    assert len(found) == len(paintings.PAINTINGS) >= 15


def test_the_command(commons, monkeypatch, tmp_path, capsys):
    api = f"{commons.address}/w/api.php"
    local = functools.partial(paintings.fetch, api=api, pause=0)
    monkeypatch.setattr(paintings, "fetch", local)
    options = ["paintings", "kiss", "--size", "64", "-o", str(tmp_path)]
    assert command_line.main(options) == 0
    assert capsys.readouterr().out.endswith(f"Ready in {tmp_path}: kiss.\n")
    assert images.read(tmp_path / "kiss.jpg").shape == (42, 64, 3)

    commons.first("scream", {"status": 404, "body": b""})
    assert command_line.main(["paintings", "kiss", "scream", "-o", str(tmp_path)]) == 1
    assert "1 of 1 paintings could not be fetched" in capsys.readouterr().err
    assert command_line.main(["paintings", "guernica", "-o", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("style_workshop: There is no painting")


def test_the_command_names_them(capsys):
    assert command_line.main(["paintings", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(paintings.PAINTINGS)


def test_the_command_interrupted(monkeypatch, tmp_path, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(paintings, "fetch", interrupt)
    assert command_line.main(["paintings", "-o", str(tmp_path)]) == 130
    assert "fetches the rest" in capsys.readouterr().err


def test_no_tensorflow():
    code = "import sys, style_workshop.fetch.paintings\n"
    code += "assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
