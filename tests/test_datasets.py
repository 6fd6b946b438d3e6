"""Fetching data sets from a local server that fails in every way a server can."""

import hashlib
import io
import ntpath
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pooch
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import style_workshop
from style_workshop import WorkshopError
from style_workshop import __main__ as command_line
from style_workshop.fetch import archives, datasets, downloads
from style_workshop.fetch.archives import DataSetError

NAME = "coco-val2017"
NOISE = random.Random(7)
PICTURES = {f"val2017/{n:012}.jpg": NOISE.randbytes(90_000) for n in range(5)}


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


ARCHIVE = zipped(PICTURES)
OTHER = zipped({name: content[::-1] for name, content in PICTURES.items()})
PIECE = 2**16  # of what is written at a time


class Files(ThreadingHTTPServer):
    """One file for every address; ``plan`` holds answers to give first."""

    daemon_threads = True

    def __init__(self, port=0):
        super().__init__(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/zips/val2017.zip"
        self.body = ARCHIVE
        self.ranges = True
        self.plan = []
        self.requests, self.sent = [], 0
        self.release = threading.Event()  # of those that hang

    def asked(self):
        """Which range each request asked for."""
        return [headers["Range"] for headers in self.requests]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        files = self.server
        files.requests.append(self.headers)
        answer = files.plan.pop(0) if files.plan else {}
        body = answer.get("body", files.body)
        status, headers = answer.get("status", 200), {}
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        if status == 200 and wanted and files.ranges:
            begin = int(wanted[1])
            status, size = 206, len(body)
            headers["Content-Range"] = f"bytes {begin}-{size - 1}/{size}"
            body = body[begin:]
        headers["Content-Length"] = str(len(body))
        headers |= answer.get("headers", {})
        self.send_response(status)
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        files.sent += len(body[: answer.get("cut")])
        self.wfile.write(body[: answer.get("cut")])
        self.wfile.flush()
        if answer.get("hang"):
            files.release.wait(30)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(downloads, "PAUSE", 0.001)
    with Files() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.release.set()
        server.shutdown()
        thread.join()


def data_set(body=ARCHIVE, **more) -> datasets.DataSet:
    values = {"folder": "COCO/val2017", "size": len(body), "pictures": 5}
    values |= {"sha256": hashlib.sha256(body).hexdigest(), "terms": "Terms."}
    return datasets.DataSet(**{**values, **more})


@pytest.fixture
def fetch(server, tmp_path, monkeypatch):
    """`datasets.fetch` from the local server; ``fetch.said`` is what it said."""
    said = []

    def fetch(body=ARCHIVE, archive=None, keep=False, **more):
        table = {NAME: data_set(body, **{"url": server.url, **more})}
        monkeypatch.setattr(datasets, "DATASETS", table)
        return datasets.fetch(
            NAME, tmp_path, archive=archive, keep=keep, say=said.append
        )

    fetch.said = said
    fetch.coco = tmp_path / "COCO"
    fetch.work = tmp_path / "COCO" / ".part-val2017"
    fetch.part = fetch.work / "val2017.zip.part"
    return fetch


def found(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def assert_whole(fetch, members=PICTURES):
    """The pictures are there, and nothing else is."""
    assert found(fetch.coco) == members


def fails(call, *arguments, kind=DataSetError, **more) -> str:
    """Call what fails, and give its sentence."""
    with pytest.raises(kind) as told:
        call(*arguments, **more)
    sentence = str(told.value)
    assert sentence.endswith(".") and "\n" not in sentence
    return sentence


# --- what works ----------------------------------------------------------------------


def test_fetched_verified_and_unpacked(server, fetch):
    assert fetch() == fetch.coco / "val2017"
    assert_whole(fetch)
    assert server.asked() == [None] and server.sent == len(ARCHIVE)
    assert server.requests[0]["Accept-Encoding"] == "identity"
    assert server.requests[0]["User-Agent"].startswith("StyleWorkshop/")
    assert "Terms." in fetch.said[0] and fetch.said[-1].endswith("whole and verified.")


def test_what_is_there_is_not_fetched_again(server, fetch):
    fetch()
    server.requests.clear()
    fetch()
    assert server.requests == [] and fetch.said[-1].endswith("is already there.")
    assert_whole(fetch)


def test_an_empty_folder_is_filled(fetch):
    (fetch.coco / "val2017").mkdir(parents=True)
    fetch()
    assert_whole(fetch)


def test_a_folder_with_some_of_the_pictures_is_left_to_the_person(server, fetch):
    (fetch.coco / "val2017").mkdir(parents=True)
    (fetch.coco / "val2017" / "1.jpg").write_text("mine")
    assert "holds 1 of 5 pictures" in fails(fetch)
    assert server.requests == [] and found(fetch.coco) == {"val2017/1.jpg": b"mine"}


def test_the_archive_is_kept_when_asked_and_used_the_next_time(server, fetch):
    fetch(keep=True)
    zip_file = fetch.coco / "val2017.zip"
    assert_whole(fetch, {**PICTURES, "val2017.zip": ARCHIVE})
    shutil.rmtree(fetch.coco / "val2017")
    fetch()
    assert len(server.requests) == 1 and zip_file.exists()
    assert_whole(fetch, {**PICTURES, "val2017.zip": ARCHIVE})


def test_an_archive_without_a_folder_in_it(server, fetch):
    flat = {name.split("/")[1]: content for name, content in PICTURES.items()}
    server.body = zipped(flat)
    fetch(server.body)
    assert_whole(fetch)


# --- a bad network -------------------------------------------------------------------


@pytest.mark.parametrize("cut", [0, 1000, 2 * PIECE, 3 * PIECE + 1, len(ARCHIVE) - 1])
def test_a_cut_connection_is_gone_on_from(server, fetch, cut):
    server.plan = [{"cut": cut}]
    fetch()
    assert_whole(fetch)
    first, then = server.asked()
    have = cut - cut % PIECE  # what is not a whole piece may be lost
    if then is None:
        assert first is None and have == 0
    else:
        have = int(then.removeprefix("bytes=").removesuffix("-"))
        assert cut - cut % PIECE <= have <= cut
    assert server.sent == cut + len(ARCHIVE) - have


def test_a_connection_cut_again_and_again(server, fetch):
    server.plan = [{"cut": PIECE}] * 4
    fetch()
    assert_whole(fetch)
    ranges = [None] + [f"bytes={n * PIECE}-" for n in range(1, 5)]
    assert server.asked() == ranges and server.sent == len(ARCHIVE)


def test_tries_end_and_the_next_run_goes_on(server, fetch):
    server.plan = [{"cut": 3 * PIECE}] + [{"cut": 0}] * 9
    sentence = fails(fetch)
    assert "broke off (" in sentence and "check the network" in sentence
    assert len(server.requests) == 1 + downloads.RETRIES
    assert fetch.part.read_bytes() == ARCHIVE[: 3 * PIECE]
    server.requests.clear()
    server.plan, server.sent = [], 0
    fetch()
    assert server.asked() == [f"bytes={3 * PIECE}-"]
    assert server.sent == len(ARCHIVE) - 3 * PIECE
    assert_whole(fetch)


def test_progress_gives_new_tries(server, fetch, monkeypatch):
    monkeypatch.setattr(downloads, "RETRIES", 1)
    server.body = zipped({f"val2017/{n}.jpg": NOISE.randbytes(10**6) for n in range(5)})
    server.plan = [{"cut": 17 * PIECE}] * 4
    fetch(server.body)
    assert len(server.requests) == 5


def test_waits_double(server, fetch, monkeypatch):
    waits = []
    monkeypatch.setattr(downloads, "time", SimpleNamespace(sleep=waits.append))
    monkeypatch.setattr(downloads, "PAUSE", 1.0)
    server.plan = [{"status": 503, "body": b""}] * 9
    assert "503 Service Unavailable" in fails(fetch)
    assert waits == [1, 2, 4, 8, 16]


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_an_error_of_the_server_then_good(server, fetch, status):
    server.plan = [{"status": status, "body": b"sorry"}, {"cut": PIECE}]
    server.plan.append({"status": status, "body": b"sorry"})
    fetch()
    assert_whole(fetch)
    assert server.asked() == [None, None, f"bytes={PIECE}-", f"bytes={PIECE}-"]


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_file_that_is_not_there(server, fetch, status):
    server.plan = [{"cut": PIECE}, {"status": status, "body": b"gone"}]
    assert f"answered {status}" in fails(fetch)
    assert len(server.requests) == 2  # the second is not tried again
    assert fetch.part.stat().st_size == PIECE


def test_a_server_that_falls_silent(server, fetch, monkeypatch):
    monkeypatch.setattr(downloads, "TIMEOUT", (5, 0.1))
    server.plan = [{"cut": 2 * PIECE, "hang": True}]
    fetch()
    assert_whole(fetch)
    assert server.asked() == [None, f"bytes={2 * PIECE}-"]


def test_no_network(server, fetch):
    server.server_close()
    sentence = fails(fetch)
    assert "could not be reached" in sentence and "0 of 0 MB" in sentence
    assert not fetch.work.exists()  # nothing was begun


def test_a_server_that_ignores_ranges(server, fetch):
    server.ranges = False
    server.plan = [{"cut": 3 * PIECE}]
    fetch()
    assert_whole(fetch)
    assert server.asked() == [None, f"bytes={3 * PIECE}-"]
    assert server.sent == 3 * PIECE + len(ARCHIVE)


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 416, "headers": {"Content-Range": f"bytes */{len(ARCHIVE)}"}},
        {"status": 416},
        {"status": 206},
        {"status": 206, "headers": {"Content-Range": f"bytes 0-1/{len(ARCHIVE)}"}},
    ],
)
def test_a_range_that_was_not_asked_for(server, fetch, answer):
    server.plan = [{"cut": PIECE}, {"body": b"xy", **answer}]
    fetch()
    assert_whole(fetch)
    assert server.asked() == [None, f"bytes={PIECE}-", None]


ALL = {"ranges": False}
KEEPS = [
    {"status": 302, "body": b"", "headers": {"Location": "http://[/"}},
    {"status": 302, "body": b"", "headers": {"Location": "http://a:port/"}},
    {"status": 302, "body": b"", "headers": {"Location": "file:///etc/passwd"}},
    {"status": 500, "body": b""},
    {"status": 404, "body": b""},
    {"status": 416, "headers": {"Content-Range": "bytes */7"}},
    {"status": 206, "headers": {"Content-Range": "nonsense"}},
    {"headers": {"Content-Length": "", "Content-Range": ""}, "body": b"<html>", **ALL},
    {"headers": {"Content-Length": "many"}, **ALL},
    {"headers": {"Content-Encoding": "gzip"}},
    {"body": ARCHIVE + b"x" * 200_000, "headers": {
        "Content-Range": f"bytes {3 * PIECE}-{len(ARCHIVE)}/{len(ARCHIVE)}"}},
]  # fmt: skip


@pytest.mark.parametrize("answer", KEEPS)
def test_what_is_kept_is_kept_whatever_a_server_answers(server, fetch, answer):
    """Only a wrong check sum of the whole is a reason to throw gigabytes away."""
    fetch.work.mkdir(parents=True)
    fetch.part.write_bytes(ARCHIVE[: 3 * PIECE])
    server.ranges = answer.get("ranges", True)
    server.plan = [answer] * (2 + 2 * downloads.RETRIES)
    fails(fetch)
    assert fetch.part.read_bytes()[: 3 * PIECE] == ARCHIVE[: 3 * PIECE]
    server.plan, server.ranges = [], True
    fetch()
    assert_whole(fetch)


def test_what_an_earlier_version_left_beside_it_does_no_harm(server, fetch):
    fetch.work.mkdir(parents=True)
    fetch.part.write_bytes(ARCHIVE[: 3 * PIECE])
    fetch.part.with_suffix(".etag").write_bytes(b"\xff\xfe\0")
    fetch()
    assert_whole(fetch)
    assert server.asked() == [f"bytes={3 * PIECE}-"]


# --- wrong bytes ---------------------------------------------------------------------


def test_wrong_bytes_are_refused_and_the_next_run_starts_clean(server, fetch):
    server.plan = [{"body": OTHER}]
    assert "wrong check sum: it was removed" in fails(fetch)
    assert found(fetch.coco) == {}
    fetch()
    assert server.asked() == [None, None]
    assert_whole(fetch)


def test_wrong_bytes_at_the_beginning_of_what_was_kept(server, fetch):
    fetch.work.mkdir(parents=True)
    fetch.part.write_bytes(OTHER[:PIECE])
    assert "wrong check sum" in fails(fetch)
    fetch()
    assert_whole(fetch)


PAGE = b"<!DOCTYPE html><html><body>Log in to the guest network</body></html>"


def test_a_log_in_page_is_not_taken_and_what_there_was_is_kept(server, fetch):
    server.plan = [{"cut": PIECE}, {"body": PAGE}]
    sentence = fails(fetch)
    assert f"in place of {len(ARCHIVE)}" in sentence and "log-in page" in sentence
    assert fetch.part.stat().st_size == PIECE
    fetch()
    assert_whole(fetch)


def test_another_size_is_refused_before_it_is_fetched(server, fetch):
    server.body = ARCHIVE + b"x"
    assert f"has {len(ARCHIVE) + 1} bytes in place of {len(ARCHIVE)}" in fails(fetch)
    assert found(fetch.coco) == {}


def test_more_than_there_should_be(server, fetch):
    rest = f"bytes {PIECE}-{len(ARCHIVE) - 1}/{len(ARCHIVE)}"
    more = {"status": 206, "body": ARCHIVE, "headers": {"Content-Range": rest}}
    server.plan = [{"cut": PIECE}, more]
    assert "gave more than" in fails(fetch)
    assert fetch.part.stat().st_size == PIECE
    fetch()
    assert_whole(fetch)


def test_without_a_check_sum_the_crc_of_each_picture_counts(server, fetch):
    damaged = bytearray(ARCHIVE)
    damaged[len(ARCHIVE) // 2] ^= 1
    server.plan = [{"body": bytes(damaged)}]
    assert "not a whole ZIP file" in fails(fetch, sha256=None)
    assert found(fetch.coco) == {}
    fetch(sha256=None)
    assert server.asked() == [None, None]
    assert_whole(fetch)


# --- killed, interrupted, twice at once ----------------------------------------------


def start(server, folder: Path, before: str = "") -> subprocess.Popen:
    """The command in a process of its own, with the local data set."""
    code = textwrap.dedent("""
        import sys, time
        from style_workshop import __main__
        from style_workshop.fetch import archives
        from style_workshop.fetch import datasets
        from style_workshop.fetch import downloads
        from style_workshop.fetch.datasets import DataSet
        downloads.PAUSE = 0.001
        datasets.DATASETS[{name!r}] = {data_set!r}
        {before}
        sys.exit(__main__.main(["data", {name!r}, "-o", {folder!r}]))
    """)
    code = code.format(
        name=NAME, data_set=data_set(url=server.url), folder=str(folder), before=before
    )
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", code], text=True, **pipes)


def wait_for(condition) -> None:
    give_up = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def has_begun(fetch) -> bool:
    return fetch.part.exists() and fetch.part.stat().st_size == 3 * PIECE


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_killed_while_it_fetches(server, fetch, tmp_path):
    server.plan = [{"cut": 3 * PIECE, "hang": True}]
    with start(server, tmp_path) as process:
        wait_for(lambda: has_begun(fetch))
        process.kill()
    assert not (fetch.coco / "val2017").exists()
    fetch()
    assert server.asked() == [None, f"bytes={3 * PIECE}-"]
    assert server.sent == len(ARCHIVE)
    assert_whole(fetch)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_killed_while_it_unpacks(server, fetch, tmp_path):
    before = "write = archives._write\n"
    before += (
        "def slow(*a): write(*a); print('unpacking', flush=True); time.sleep(60)\n"
    )
    before += "archives._write = slow"
    with start(server, tmp_path, before) as process:
        wait_for(lambda: process.stdout.readline() == "unpacking\n")
        process.kill()
    assert not (fetch.coco / "val2017").exists()
    assert len(found(fetch.work / "files")) == 1
    fetch()
    assert server.asked() == [None]  # the archive was whole
    assert_whole(fetch)


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to a process")
def test_interrupted(server, fetch, tmp_path):
    server.plan = [{"cut": 3 * PIECE, "hang": True}]
    with start(server, tmp_path) as process:
        wait_for(lambda: has_begun(fetch))
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=600)
    assert process.returncode == 130 and "Traceback" not in errors
    assert "the same command goes on from here" in errors
    assert sorted(found(fetch.work)) == ["lock", "val2017.zip.part"]
    fetch()
    assert server.asked()[1] == f"bytes={3 * PIECE}-"
    assert_whole(fetch)


def test_interrupted_while_it_checks(server, fetch, monkeypatch):
    """13.5 GB are not thrown away then."""

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pooch, "file_hash", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fetch()
    assert fetch.part.stat().st_size == len(ARCHIVE)
    fetch()
    assert len(server.requests) == 1
    assert_whole(fetch)


def test_two_at_once(server, fetch, tmp_path):
    server.plan = [{"cut": 3 * PIECE, "hang": True}]
    with start(server, tmp_path) as process:
        wait_for(lambda: has_begun(fetch))
        assert "Another process is at work" in fails(fetch)
        server.release.set()
        _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    fetch()
    assert_whole(fetch)
    assert server.sent == len(ARCHIVE)


def test_a_lock_that_its_owner_has_removed_is_not_one(tmp_path, monkeypatch):
    def lock(_):
        shutil.rmtree(tmp_path / "work")
        return True

    monkeypatch.setattr(downloads, "lock", lock)
    with (
        pytest.raises(DataSetError, match="Another process"),
        downloads.alone(tmp_path / "work"),
    ):
        pass


# --- the disk ------------------------------------------------------------------------


def test_too_small_a_disk_is_told_before(server, fetch, monkeypatch):
    usage = SimpleNamespace(free=archives.MARGIN + 2 * len(ARCHIVE))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    sentence = fails(fetch, kind=WorkshopError)
    assert "Fetching and unpacking val2017.zip needs 201 MB of disk" in sentence
    assert server.requests == [] and found(fetch.coco) == {}


def test_a_disk_that_fills_keeps_what_was_fetched(server, fetch, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(archives, "_write", full)
        assert "The disk is full" in fails(fetch, kind=WorkshopError)
    assert not (fetch.coco / "val2017").exists()
    fetch()
    assert len(server.requests) == 1
    assert_whole(fetch)


def test_a_folder_that_is_a_file(fetch, tmp_path):
    (tmp_path / "COCO").write_text("no folder")
    assert "choose a folder" in fails(fetch, kind=WorkshopError)


# --- by hand, and hostile ------------------------------------------------------------


@pytest.fixture
def unpack(fetch, tmp_path):
    """Unpack an archive of a person's, of which no check sum is known."""

    def unpack(content: bytes, **more):
        path = tmp_path / "by_hand.zip"
        path.write_bytes(content)
        fetch(archive=path, url=None, sha256=None, pictures=0, **more)
        assert path.read_bytes() == content  # it is the person's

    return unpack


def test_by_hand(server, fetch, unpack):
    unpack(ARCHIVE)
    assert_whole(fetch)
    assert server.requests == []
    digest = hashlib.sha256(ARCHIVE).hexdigest()
    assert any(digest in line for line in fetch.said)


def test_by_hand_with_a_known_check_sum(server, fetch, tmp_path):
    path = tmp_path / "by_hand.zip"
    path.write_bytes(OTHER)
    assert "by_hand.zip has a wrong check sum" in fails(fetch, archive=path)
    path.write_bytes(ARCHIVE)
    fetch(archive=str(path))
    assert_whole(fetch)
    assert server.requests == [] and path.exists()


def test_by_hand_without_a_file(fetch):
    assert "There is no file none.zip" in fails(fetch, archive="none.zip")


def refused(unpack, fetch, content: bytes) -> str:
    sentence = fails(unpack, content)
    assert list(found(fetch.coco.parent)) == ["by_hand.zip"]
    assert not (fetch.coco / "val2017").exists()
    return sentence


OUTSIDE = [
    *("../x.jpg", "a/../../x.jpg", "..", "a/..", "/x.jpg", "//host/share/x.jpg"),
    *(
        "C:/x.jpg",
        "C:x.jpg",
        "0:",
        "x.jpg:stream",
        "..\\x.jpg",
        "a\\..\\..\\x.jpg",
        "\\x.jpg",
    ),
    *("\\\\host\\share\\x.jpg", "\\\\?\\C:\\x.jpg", "a/.. /x.jpg", ".../x.jpg", ". ."),
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_name_that_leads_outside(unpack, fetch, name):
    content = zipped({"val2017/good.jpg": b"good" * 99, name: b"bad"})
    assert "not a plain file inside its folder" in refused(unpack, fetch, content)


def special(**values) -> bytes:
    file = io.BytesIO()
    member = zipfile.ZipInfo("val2017/x.jpg")
    with zipfile.ZipFile(file, "w") as archive:
        kind = values.pop("kind", stat.S_IFREG)
        member.external_attr = (kind | 0o777) << 16
        archive.writestr(member, b"/etc/passwd", **values)
    return file.getvalue()


KINDS = [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK]


@pytest.mark.parametrize("kind", KINDS)
def test_a_link_or_a_device(unpack, fetch, kind):
    assert "not a plain file" in refused(unpack, fetch, special(kind=kind))


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compression_that_no_data_set_has(unpack, fetch, kind):
    assert "not a plain file" in refused(unpack, fetch, special(compress_type=kind))


def test_a_password(unpack, fetch):
    content = bytearray(special())
    content[content.index(b"PK\1\2") + 8] |= 1
    assert "not a plain file" in refused(unpack, fetch, bytes(content))


def test_a_plain_file_is_not_made_executable(unpack, fetch):
    unpack(special())
    path = fetch.coco / "val2017" / "x.jpg"
    assert path.read_bytes() == b"/etc/passwd" and not path.stat().st_mode & 0o111


def test_a_bomb(unpack, fetch):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.jpg", bytes(10_000_000))
    assert "would grow to 10 MB" in refused(unpack, fetch, file.getvalue())


def test_a_size_that_lies(unpack, fetch):
    """What is declared is all that is written, and then the CRC-32 is wrong."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.jpg", bytes(10_000_000))
    content = bytearray(file.getvalue())
    entry = content.index(b"PK\1\2")
    content[entry + 24 : entry + 28] = (1000).to_bytes(4, "little")
    assert "'bomb.jpg' is damaged" in refused(unpack, fetch, bytes(content))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "names", [("a.jpg", "a.jpg"), ("a/b.jpg", "a\\b.jpg"), ("a", "a/b"), ("a/b", "a")]
)
def test_two_members_of_one_name(unpack, fetch, names):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"x" * 99)
    assert "two " in refused(unpack, fetch, file.getvalue())


@pytest.mark.parametrize(
    "content", [b"", b"x", PAGE, ARCHIVE[:-30], ARCHIVE[: PIECE * 4], ARCHIVE[99:]]
)
def test_no_zip_file_or_half_of_one(unpack, fetch, content):
    assert "is not a whole ZIP file" in refused(unpack, fetch, content)


def test_nothing_in_it(unpack, fetch):
    assert "has no files in it" in refused(unpack, fetch, zipped({}))
    assert "has no files in it" in refused(unpack, fetch, zipped({"folder/": b""}))


def test_a_few_damaged_pictures_may_be_left_out(unpack, fetch):
    content = bytearray(ARCHIVE)
    content[PIECE] ^= 1
    content[len(content) // 2] ^= 1
    assert "is damaged" in fails(unpack, bytes(content), spare=1)
    unpack(bytes(content), spare=2)
    left_out = [line for line in fetch.said if "left out" in line]
    assert len(left_out) == 1 and left_out[0].count("val2017/") == 2
    rest = found(fetch.coco)
    assert len(rest) == 3 and rest.items() < PICTURES.items()


@settings(deadline=None)
@given(st.text(min_size=1) | st.text("./\\:C ~\0a", min_size=1, max_size=12))
def test_no_name_leads_outside(name):
    member = zipfile.ZipInfo(name)
    try:
        parts = archives.safe_parts(member)
    except DataSetError:
        return
    for system in (os.path, ntpath):
        inside = system.abspath(system.join(system.sep, "a", "b"))
        path = system.abspath(system.join(inside, *parts))
        assert path.startswith(inside + system.sep)


SMALL = {"a/1.jpg": b"one" * 20, "a/2.jpg": b"two" * 20}


@settings(deadline=None)
@given(st.integers(0, len(zipped(SMALL)) - 1), st.integers(1, 255))
def test_one_wrong_byte_is_refused_or_does_no_harm(tmp_path_factory, at, change):
    folder = tmp_path_factory.mktemp("wrong")
    content = bytearray(zipped(SMALL))
    content[at] ^= change
    (folder / "x.zip").write_bytes(content)
    try:
        archives.unpack(folder / "x.zip", folder / "files", say=lambda _: None)
    except DataSetError:
        return
    whole = found(folder / "files").values()
    assert set(whole) <= set(SMALL.values())


# --- the table and the command -------------------------------------------------------


def test_the_table():
    for name, dataset in datasets.DATASETS.items():
        assert re.fullmatch(r"[a-z0-9-]+", name) and dataset.terms.endswith(".")
        if dataset.url:
            assert dataset.url.startswith("https://") and dataset.size > 10**8
            assert re.fullmatch(r"[0-9a-f]{64}", dataset.sha256)
            assert Path(dataset.url).stem == Path(dataset.folder).name


def test_an_unknown_name(tmp_path):
    assert "no data set 'imagenet'" in fails(datasets.fetch, "imagenet", tmp_path)


def test_the_command(server, fetch, tmp_path, monkeypatch, capsys):
    table = {**datasets.DATASETS, NAME: data_set(url=server.url)}
    monkeypatch.setattr(datasets, "DATASETS", table)
    assert command_line.main(["data", NAME, "-o", str(tmp_path)]) == 0
    told = capsys.readouterr()
    assert "whole and verified" in told.out and "val2017.zip: 100%" in told.err
    assert_whole(fetch)
    assert command_line.main(["data", NAME, "-o", str(tmp_path)]) == 0
    assert "already there" in capsys.readouterr().out
    assert command_line.main(["data", "imagenet", "-o", str(tmp_path)]) == 1
    assert "data --list" in capsys.readouterr().err


def test_the_command_says_what_there_is_of_wikiart(tmp_path, capsys):
    options = ["data", "wikiart", "-o", str(tmp_path)]
    assert command_line.main(options) == 1
    told = capsys.readouterr()
    for words in (
        "non-commercial",
        "account at Kaggle",
        "--archive",
        str(tmp_path / "WikiArt"),
    ):
        assert words in told.out
    assert told.err == (
        "style_workshop: WikiArt is fetched by hand: do as told above.\n"
    )
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "x.zip").write_bytes(zipped({"wikiart/Cubism/1.jpg": b"one" * 99}))
    assert command_line.main([*options, "--archive", str(tmp_path / "x.zip")]) == 0
    assert sorted(found(tmp_path)) == ["WikiArt/Cubism/1.jpg", "x.zip"]
    assert command_line.main(options) == 0


@pytest.mark.parametrize("options", [["data"], ["data", "coco", "--list"]])
def test_the_command_names_them(capsys, options):
    assert command_line.main(options) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [*datasets.DATASETS, "weights", "paintings"]
    assert [line.split()[0] for line in lines] == names


def test_the_command_hands_on(monkeypatch, tmp_path):
    calls = []
    module = SimpleNamespace(fetch=lambda *a, **k: calls.append((a, k)))
    # importing the true one takes seconds
    monkeypatch.setattr(style_workshop, "weights", module, raising=False)
    monkeypatch.setattr(style_workshop.fetch, "paintings", module, raising=False)
    assert command_line.main(["data", "weights", "-o", str(tmp_path)]) == 0
    assert command_line.main(["data", "paintings", "-o", str(tmp_path)]) == 0
    assert calls == [
        (("vgg19",), {"folder": tmp_path / "weights"}),
        (("vgg16",), {"folder": tmp_path / "weights"}),
        ((), {"folder": tmp_path / "paintings"}),
    ]


def test_no_tensorflow():
    code = "import sys, style_workshop.fetch.datasets\n"
    code += "assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
