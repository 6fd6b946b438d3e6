"""What `bench_batches.py` times: ways to read batches, each in a process of its own.

``python batch_workers.py tf.data 2`` (two threads) reads requests as lines of JSON and
answers each with one line, as `workers.py` does.
"""

import itertools
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from workers import ROOT, Server

sys.path.insert(0, str(ROOT))
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
SIZE, BATCH = (256, 256), 32


# --- the sides: each gives endless batches, [32, 256, 256, 3] float32 ----------------


def floor(folder: str, threads: int) -> Iterator:
    """Read and decode every file whole, to RGB, in threads; keep nothing."""
    import simplejpeg

    def decode(path):
        with open(path, "rb", buffering=0) as file:
            return simplejpeg.decode_jpeg(file.readall()).size

    with ThreadPoolExecutor(threads) as pool:
        files = itertools.cycle(sorted(Path(folder).rglob("*.jpg")))
        while True:
            yield sum(pool.map(decode, itertools.islice(files, BATCH)))


def workshop(folder: str, threads: int, **settings) -> Iterator:
    from style_workshop.batches import BatchGenerator

    return BatchGenerator(folder, threads=threads, seed=0, **settings)


def crop(folder: str, threads: int) -> Iterator:
    return workshop(folder, threads, reshape_mode="crop")


def random_crop(folder: str, threads: int) -> Iterator:
    return workshop(folder, threads, reshape_mode="random_crop")


def not_antialiased(folder: str, threads: int) -> Iterator:
    return workshop(folder, threads, antialias=False)


def cached(folder: str, threads: int) -> Iterator:
    return workshop(folder, threads, cache=f"{folder}/cache.npy")


def tf_data(folder: str, threads: int) -> Iterator:
    """As TensorFlow's guide on loading images has it."""
    import tensorflow as tf

    def read(path):
        picture = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        return tf.image.resize(picture, SIZE)

    files = tf.data.Dataset.list_files(f"{folder}/*/*.jpg", shuffle=True)
    pictures = files.repeat().map(read, num_parallel_calls=tf.data.AUTOTUNE)
    return iter(_limited(pictures.batch(BATCH).prefetch(tf.data.AUTOTUNE), threads))


def image_dataset(folder: str, threads: int) -> Iterator:
    import keras

    batches = keras.utils.image_dataset_from_directory(
        folder, labels=None, image_size=SIZE, batch_size=BATCH, verbose=False
    )
    return iter(_limited(batches.repeat(), threads))


def _limited(dataset, threads: int):
    import tensorflow as tf

    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    return dataset.with_options(options)


def image_data_generator(folder: str, threads: int) -> Iterator:
    """One thread, which is all that iterating over it uses."""
    from tensorflow.keras.preprocessing.image import ImageDataGenerator

    return ImageDataGenerator().flow_from_directory(
        folder, target_size=SIZE, batch_size=BATCH, class_mode=None
    )


def data_loader(folder: str, threads: int) -> Iterator:
    """Pillow in ``threads`` worker processes, the picture antialiased as ours is."""
    import torch

    loader = torch.utils.data.DataLoader(
        _Pictures(folder),
        batch_size=BATCH,
        shuffle=True,
        num_workers=threads,
        persistent_workers=True,
    )
    while True:
        yield from loader


class _Pictures:
    """What PyTorch calls a data set."""

    def __init__(self, folder: str):
        self.files = sorted(Path(folder).rglob("*.jpg"))

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> np.ndarray:
        from PIL import Image

        with Image.open(self.files[index]) as picture:
            picture = picture.convert("RGB").resize(SIZE, Image.Resampling.BILINEAR)
            return np.asarray(picture, np.float32)


SIDES = {
    "floor": (floor, ["simplejpeg"]),
    "workshop": (workshop, ["simplejpeg", "opencv-python-headless", "numpy"]),
    "workshop, crop": (crop, []),
    "workshop, random_crop": (random_crop, []),
    "workshop, antialias=False": (not_antialiased, []),
    "workshop, cached": (cached, []),
    "tf.data": (tf_data, ["tensorflow-cpu", "tensorflow"]),
    "image_dataset_from_directory": (image_dataset, ["keras"]),
    "ImageDataGenerator": (image_data_generator, []),
    "DataLoader, 2 processes": (data_loader, ["torch", "pillow"]),
}


# --- inside a worker process --------------------------------------------------------


class Side:
    native_bfloat16 = False  # `Server.about` asks for it

    def __init__(self, name: str, threads: int):
        self.start, self.packages = SIDES[name]
        self.threads = threads


class BatchServer(Server):
    """Answers requests; each method is one, its arguments are the request's."""

    def open(self, folder: str) -> dict:
        self.batches = self.side.start(folder, self.side.threads)
        next(self.batches)
        return {"processes": processes()}

    def time(self, warm: int, count: int) -> dict:
        """Time ``count`` batches, after ``warm`` others that were read ahead."""
        begin = cpu_seconds()
        for _ in range(warm):
            next(self.batches)
        before, since = cpu_seconds(), time.perf_counter()
        for _ in range(count):
            batch = next(self.batches)
        seconds, after = time.perf_counter() - since, cpu_seconds()
        shape = list(getattr(batch, "shape", []))
        per_batch = {"seconds": seconds / count, "used": (after - before) / count}
        more = {"shape": shape, "processes": processes()}
        return {**per_batch, "processor": after - begin, **more}

    def memory(self, count: int) -> dict:
        """Read ``count`` batches; say how many MB this process has needed at most."""
        for _ in range(count):
            next(self.batches)
        return {"megabytes": peak_megabytes()}


def processes() -> list[int]:
    return [os.getpid(), *(child.pid for child in multiprocessing.active_children())]


def peak_megabytes() -> float:
    status = Path("/proc/self/status")
    if status.exists():  # Linux, whose `getrusage` counts the parent in
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) / 1e3
    import resource  # not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def cpu_seconds() -> float:
    """Processor time of this process and of its living children (Linux)."""
    total = time.process_time()
    for child in multiprocessing.active_children():
        stat = Path(f"/proc/{child.pid}/stat")
        if stat.exists():
            user, system = stat.read_text().rpartition(")")[2].split()[11:13]
            total += (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    return total


def main(name: str, threads: str) -> None:
    # Libraries print to standard output too; the answers keep it to themselves.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    server = BatchServer(Side(name, int(threads)), sys.stdin, answers)
    server.answer(server.about())
    server.serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
