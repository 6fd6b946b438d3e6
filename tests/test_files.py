"""Files are written whole or not at all, and a full disk is said in a sentence."""

import errno
import io
import os
import signal
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import numpy as np
import pytest

from style_workshop import WorkshopError
from style_workshop.files import (
    atomic_write,
    load_arrays,
    require_free_disk,
    save_arrays,
)

ROOT = Path(__file__).resolve().parent.parent


def test_what_was_written_is_there_under_its_name_and_nothing_else(tmp_path):
    path = tmp_path / "new" / "folder" / "letter.txt"
    with atomic_write(path) as part:
        assert part.suffix == ".txt" and part != path
        part.write_text("dear reader")
        assert not path.exists()
    assert path.read_text() == "dear reader"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_was_there_is_replaced(tmp_path):
    path = tmp_path / "letter.txt"
    path.write_text("old")
    with atomic_write(str(path)) as part:
        part.write_text("new")
    assert path.read_text() == "new"


@pytest.mark.skipif(os.name == "nt", reason="Windows renames no file that is open")
def test_whoever_reads_the_old_file_meanwhile_reads_it_to_its_end(tmp_path):
    """A rename does that; writing into the old file would not."""
    path = tmp_path / "letter.txt"
    path.write_text("old")
    with open(path) as reader:
        with atomic_write(path) as part:
            part.write_text("new")
        assert reader.read() == "old"


def test_an_error_while_writing_leaves_the_old_file_and_no_rest(tmp_path):
    path = tmp_path / "letter.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_write(path) as part:
        part.write_text("ne")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_a_process_killed_while_writing_leaves_the_old_file(tmp_path):
    path = tmp_path / "letter.txt"
    path.write_text("old")
    script = f"""
        import os, signal
        from style_workshop.files import atomic_write
        with atomic_write({str(path)!r}) as part:
            part.write_text("ne")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    with atomic_write(path) as part:
        part.write_text("new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]  # nor what the dead process has left


_WRITES = """
    import sys
    from style_workshop.files import atomic_write
    with atomic_write({path!r}) as part:
        part.write_text("new")
        print("writing", flush=True)
        sys.stdin.read()
"""


def test_what_a_living_process_writes_is_left_to_it(tmp_path):
    path = tmp_path / "letter.txt"
    script = textwrap.dedent(_WRITES.format(path=str(path)))
    pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, **pipe) as other:
        other.stdout.readline()
        with atomic_write(tmp_path / "other.txt") as part:
            part.write_text("meanwhile")
            with atomic_write(tmp_path / "third.txt") as third:  # nor do we take ours
                third.write_text("within")
        assert len(list(tmp_path.glob(".part-*/letter.txt"))) == 1
        other.communicate()
    assert other.returncode == 0 and path.read_text() == "new"
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["letter.txt", "other.txt", "third.txt"]


def test_many_writers_at_once_remove_nothing_of_each_other(tmp_path):
    script = f"""
        import sys
        from style_workshop.files import atomic_write
        for number in range(150):
            with atomic_write({str(tmp_path)!r} + sys.argv[1]) as part:
                part.write_text(str(number))
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    writers = [subprocess.Popen([*command, f"/{n}.txt"], cwd=ROOT) for n in range(4)]
    assert [writer.wait() for writer in writers] == [0] * 4
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"{n}.txt" for n in range(4)
    ]
    assert all(path.read_text() == "149" for path in tmp_path.iterdir())


def test_where_the_disk_knows_no_locks_nothing_is_removed(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    fcntl = pytest.importorskip("fcntl", reason="Windows has locks on every disk")
    monkeypatch.setattr(fcntl, "flock", no_locks)
    (tmp_path / ".part-abc").mkdir()
    (tmp_path / ".part-abc.lock").touch()
    with atomic_write(tmp_path / "letter.txt") as part:
        part.write_text("new")
    assert len(list(tmp_path.iterdir())) == 3


def test_a_kept_download_is_nobody_s_rest(tmp_path):
    """`fetch.datasets` keeps what it has in such a folder, and goes on from there."""
    (tmp_path / ".part-train2014").mkdir()
    (tmp_path / ".part-train2014" / "lock").touch()
    with atomic_write(tmp_path / "letter.txt") as part:
        part.write_text("new")
    assert (tmp_path / ".part-train2014" / "lock").exists()


def test_a_full_disk_is_said_in_a_sentence(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here, the device that is always full")
    with (
        pytest.raises(WorkshopError, match="The disk is full: free some space"),
        atomic_write(tmp_path / "letter.txt"),
        open("/dev/full", "w") as full,
    ):
        full.write("x")
        full.flush()
    assert list(tmp_path.iterdir()) == []


def test_a_file_over_the_limit_of_the_process_leaves_the_old_file(tmp_path):
    """RLIMIT_FSIZE stands in for a disk that fills up in the middle of a write."""
    resource = pytest.importorskip("resource", reason="Windows has no such limits")
    path = tmp_path / "letter.txt"
    path.write_text("old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with (
            pytest.raises(WorkshopError, match="Cannot write"),
            atomic_write(path) as p,
        ):
            p.write_bytes(bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_made_is_said_in_a_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(WorkshopError, match="Cannot write .*choose a folder"),
        atomic_write(tmp_path / "file" / "letter.txt"),
    ):
        pytest.fail("there was no folder to write to")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_folder_without_the_right_to_write_is_said_in_a_sentence(tmp_path):
    tmp_path.chmod(0o500)
    with (
        pytest.raises(WorkshopError, match="Cannot write .*choose a folder"),
        atomic_write(tmp_path / "letter.txt"),
    ):
        pytest.fail("the folder was writable")


def test_too_little_free_disk_is_refused_with_what_it_needs_and_has(tmp_path):
    folder = tmp_path / "not" / "yet"
    with pytest.raises(
        WorkshopError,
        match=r"Fetching a moon needs 1,000,000,000 MB of disk, and .* MB",
    ) as caught:
        require_free_disk(folder, 1e9, "Fetching a moon")
    assert str(tmp_path) in str(caught.value)
    assert not folder.exists()


def test_enough_free_disk_is_let_pass(tmp_path):
    require_free_disk(tmp_path / "not" / "yet", 0.001, "A note")
    require_free_disk(Path("relative"), 0.001, "A note")


# --- arrays with a note -------------------------------------------------------------


def test_arrays_come_back_with_their_note(tmp_path):
    arrays = {"a/kernel": np.float16([[1, 2]]), "b": np.arange(3), "c": np.bool_([1])}
    save_arrays(tmp_path / "net.npz", arrays, {"made": ["by", 1]})
    loaded, note = load_arrays(tmp_path / "net.npz")
    assert note == {"made": ["by", 1]} and set(loaded) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded[name], array)
        assert loaded[name].dtype == array.dtype


def test_a_new_state_of_adam_may_be_all_zeros(tmp_path):
    """Trained values, and twice as many zeros, as a first checkpoint has them."""
    values = np.random.default_rng(0).normal(size=1_000_000).astype(np.float32)
    zeros = np.zeros(2_000_000, np.float32)
    save_arrays(tmp_path / "step.npz", {"v": values, "adam": zeros}, {})
    assert load_arrays(tmp_path / "step.npz")[0]["adam"].size == 2_000_000


@pytest.mark.parametrize("kind", ["one", "many", "names", "lzma"])
def test_an_archive_that_grows_is_refused_before_it_is_read(
    tmp_path, monkeypatch, kind
):
    path = tmp_path / "net.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        if kind == "one":
            archive.writestr("kernel.npy", bytes(70_000_000))
        elif kind == "many":
            for number in range(10_001):
                archive.writestr(f"{number}.npy", b"")
        elif kind == "names":
            archive.writestr("kernel\x1b[2J.npy", b"")
        else:
            archive.writestr("kernel.npy", bytes(100), zipfile.ZIP_LZMA)
    monkeypatch.setattr(np, "load", lambda *_, **__: pytest.fail("it was read"))
    with pytest.raises(WorkshopError, match="damaged, or no file of this workshop"):
        load_arrays(path)


def test_a_shape_larger_than_its_file_is_refused(tmp_path):
    path = tmp_path / "net.npz"
    header = io.BytesIO()
    about = {"descr": "<f4", "fortran_order": False, "shape": (2**40,)}
    np.lib.format.write_array_header_1_0(header, about)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("kernel.npy", header.getvalue() + bytes(1000))
    with pytest.raises(WorkshopError, match="damaged, or no file of this workshop"):
        load_arrays(path)


def test_a_name_that_is_too_long_is_no_file():
    with pytest.raises(WorkshopError, match="There is no file"):
        load_arrays("n" * 5000)
