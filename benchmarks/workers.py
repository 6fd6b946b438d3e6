"""What `bench_gatys.py` times: this workshop and pastiche, each in its own process.

TensorFlow and PyTorch in one process fight over the cores. So each lives in a worker
process, ``python workers.py workshop 2`` or ``python workers.py pastiche 2`` (two
threads), that reads requests as lines of JSON and answers each with one line. The
benchmark asks one at a time; the others sleep meanwhile.
"""

import contextlib
import copy
import dataclasses
import functools
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from importlib import metadata
from pathlib import Path

import numpy as np
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent


class Clock:
    """Seconds that passed, and seconds of processor time, while it was running."""

    def __init__(self):
        self.seconds = self.processor = 0.0
        self._since = None

    def go(self) -> None:
        self._since = time.perf_counter(), time.process_time()

    def pause(self) -> None:
        self.seconds += time.perf_counter() - self._since[0]
        self.processor += time.process_time() - self._since[1]

    def __enter__(self):
        self.go()
        return self

    def __exit__(self, *_error):
        self.pause()

    def read(self) -> dict[str, float]:
        return {"seconds": self.seconds, "processor": self.processor}


# --- the two sides ------------------------------------------------------------------


class Workshop:
    """This workshop; a variant is the type in which VGG computes."""

    packages = ("tensorflow-cpu", "tensorflow", "scipy", "numpy")

    def __init__(self, threads: int):
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        sys.path.insert(0, str(ROOT))
        import tensorflow as tf

        from style_workshop import adain, gatys, images, optimize, vgg

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        self.tf, self.gatys, self.images, self.optimize = tf, gatys, images, optimize
        self.adain, self.decoder = adain, adain.load()
        self.native_bfloat16 = vgg.fastest_dtype() == "bfloat16"
        self.network = gatys.load_network(gatys.NOTEBOOK)
        self.jobs = {}

    def prepare(self, variant: str, content: str, style: str) -> None:
        # pastiche's default loss is that of the authors' notebook times 0.01: the
        # same layers, 1e3 / c^2 against 10 / c^2 and 1 against 0.01.
        settings = dataclasses.replace(
            self.gatys.NOTEBOOK, content_weight=0.01, style_weight=0.01, dtype=variant
        )
        pictures = self.images.read(content), self.images.read(style)
        features = self.gatys.features_of(self.network, settings)
        loss = self.gatys.transfer_loss(features, *pictures, settings=settings)
        # Private, but just what an evaluation costs in `optimize`, copies and all.
        run = self.optimize._Run(loss, pictures[0], 1, None, None)
        self.jobs[variant] = loss, pictures[0], run.evaluate
        self.guess = lambda: self.adain.stylize(self.network, self.decoder, *pictures)
        self.small = lambda size: self._smaller(features, *pictures, settings, size)

    def step(self, variant: str) -> float:
        _, image, evaluate = self.jobs[variant]
        return evaluate(image)[0]["total"]

    def loss(self, picture: np.ndarray) -> float:
        return self.jobs["float32"][2](picture)[0]["total"]

    def _smaller(self, features, content, style, settings, divisor: int):
        """The loss and the content image at a fraction of the size."""
        content, style = (
            self.images.resize(
                p, tuple(max(1, side // divisor) for side in p.shape[:2])
            )
            for p in (content, style)
        )
        loss = self.gatys.transfer_loss(features, content, style, settings=settings)
        return loss, content

    def run(self, variant: str, steps: int, after_step, coarse=(), start=None) -> None:
        """What `gatys.stylize` does; that would give out clipped pictures.

        First, for each (divisor, steps) of ``coarse``, at that fraction of the size;
        from the content image, or, with ``start="adain"``, from what AdaIN paints.
        """
        loss, content, _ = self.jobs[variant]
        image = self.guess() if start == "adain" else None
        for divisor, few in coarse:
            small = self.small(divisor)
            image = self._paint(*small, image, few, after_step, content.shape[:2])
        left = steps - sum(few for _, few in coarse)
        self._paint(loss, content, image, left, after_step, content.shape[:2])

    def _paint(self, loss, content, image, steps, after_step, full) -> np.ndarray:
        if image is None:
            image = content
        elif image.shape != content.shape:
            image = self.images.resize(image, content.shape[:2])

        def callback(step, _clipped, _terms):
            if step:
                picture = run.image
                same = picture.shape[:2] == full
                after_step(picture if same else self.images.resize(picture, full))

        run = self.optimize._Run(loss, image, steps, callback, None)
        with tqdm(disable=True) as run.bar:
            first, gradient = run.evaluate(image)
            run.accept(image, first)
            falloff = self.gatys.WORKSHOP.falloff
            self.optimize._lbfgs(run, gradient, corrections=10, falloff=falloff)
        return run.image

    def multiply(self, side: int) -> None:
        matrix = self.tf.ones([side, side])
        self.tf.matmul(matrix, matrix).numpy()


class Pastiche:
    """pastiche (PyTorch); a variant is the layout of its arrays in memory."""

    packages = ("torch", "pastiche")

    def __init__(self, threads: int):
        import torch
        from pastiche import pastiche

        torch.set_num_threads(threads)
        self.torch, self.pastiche = torch, pastiche
        self.native_bfloat16 = False
        # It would read its weights again for every size; that is not timed here.
        load = functools.cache(pastiche.VGG19.from_quantized_bin)
        pastiche.VGG19.from_quantized_bin = lambda *args, **kw: copy.deepcopy(
            load(*args, **kw)
        )
        self.artists = {}

    def prepare(self, variant: str, content: str, style: str) -> None:
        """All default: L-BFGS, from the content image, its layers and weights."""
        artist = self.pastiche.PasticheArtist(content, [style])
        if variant == "channels last":
            layout = self.torch.channels_last
            self.torch.nn.Module.to(artist.vgg19, memory_format=layout)
            artist.pastiche = artist.pastiche.detach().to(memory_format=layout)
            artist.pastiche.requires_grad_()
        self.artists[variant] = artist

    def step(self, variant: str) -> float:
        """The closure of `PasticheArtist.draw`, without the optimizer's update."""
        artist = self.artists[variant]
        artist.pastiche.grad = None
        loss = artist._calc_loss()
        loss.backward()
        return loss.item()

    def loss(self, picture: np.ndarray) -> float:
        artist = copy.copy(self.artists["default"])
        image = self.torch.tensor(picture[..., ::-1].copy() - self._mean())
        artist.pastiche = image.permute(2, 0, 1)[None].contiguous()
        with self.torch.no_grad():
            return artist._calc_loss().item()

    def run(self, variant: str, steps: int, after_step, **_ours) -> None:
        artist = self.artists[variant]
        for _ in range(steps):
            artist.draw()
            image = artist.pastiche.detach()[0].permute(1, 2, 0).numpy()
            after_step((image + self._mean())[..., ::-1])

    def _mean(self) -> np.ndarray:
        return np.array(self.pastiche.VGG_MEAN, np.float32)

    def multiply(self, side: int) -> None:
        matrix = self.torch.ones([side, side])
        (matrix @ matrix).numpy()


# --- inside a worker process --------------------------------------------------------


class Server:
    """Answers requests; each method is one, its arguments are the request's."""

    def __init__(self, side, requests, answers):
        self.side, self.requests, self.answers = side, requests, answers

    def serve(self) -> None:
        for line in self.requests:
            request = json.loads(line)
            try:
                answer = getattr(self, request.pop("do"))(**request)
            except Exception:
                answer = {"error": traceback.format_exc()}
            self.answer(answer or {})

    def answer(self, answer: dict) -> None:
        print(json.dumps(answer), file=self.answers, flush=True)

    def about(self) -> dict:
        versions = {"python": ".".join(map(str, sys.version_info[:3]))}
        for package in self.side.packages:
            with contextlib.suppress(metadata.PackageNotFoundError):
                versions[package] = metadata.version(package)
        return {"versions": versions, "native_bfloat16": self.side.native_bfloat16}

    def prepare(self, variant: str, content: str, style: str) -> dict:
        with Clock() as clock:
            self.side.prepare(variant, content, style)
            self.side.step(variant)  # compiles
        return clock.read()

    def step(self, variant: str) -> dict:
        with Clock() as clock:
            loss = self.side.step(variant)
        return {"loss": loss, **clock.read()}

    def multiply(self, side: int) -> dict:
        with Clock() as clock:
            self.side.multiply(side)
        return clock.read()

    def loss(self, picture: str) -> dict:
        return {"loss": self.side.loss(np.load(picture))}

    def run(self, variant, steps, block, folder, **how) -> dict:
        """Optimize; after each ``block`` steps answer, and wait to be told to go on.

        Leaves each step's picture in ``folder``, as the optimizer holds it: not
        clipped to 0-255. Neither that nor the waiting is timed.
        """
        clock, times = Clock(), []

        def after_step(image):
            clock.pause()
            np.save(f"{folder}/{len(times)}.npy", image)
            times.append(clock.read())
            if len(times) % block == 0 and len(times) < steps:
                self.answer({"times": times, "done": False})
                if json.loads(self.requests.readline())["do"] == "stop":
                    raise KeyboardInterrupt
            clock.go()

        clock.go()
        with contextlib.suppress(KeyboardInterrupt):
            self.side.run(variant, steps, after_step, **how)
        return {"times": times, "done": True}


def main(name: str, threads: str) -> None:
    # Libraries print to standard output too; the answers keep it to themselves.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    side = {"workshop": Workshop, "pastiche": Pastiche}[name](int(threads))
    server = Server(side, sys.stdin, answers)
    server.answer(server.about())
    server.serve()


# --- in the benchmark ---------------------------------------------------------------


class Worker:
    """A worker process, seen from the benchmark. Use it in a ``with``."""

    def __init__(self, name: str, threads: int, script: str | Path = __file__):
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (in __exit__)
        self._process = subprocess.Popen(
            [sys.executable, str(script), name, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
            text=True,
        )
        self.name = name
        self.about = self._answer()

    def ask(self, do: str, **arguments) -> dict:
        """Send a request and wait for its answer.

        Raises:
            RuntimeError: the worker failed or died; has what it printed.
        """
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps({"do": do, **arguments}), file=self._process.stdin)
            self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict:
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            raise RuntimeError(f"The {self.name} worker died.\n{self._errors.read()}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"The {self.name} worker failed.\n{answer['error']}")
        return answer

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self._process.kill()
        self._process.communicate()
        self._errors.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
