"""What `bench_fast.py` times: one network in TensorFlow, ONNX Runtime and PyTorch.

Each in a process of its own (see `workers.py`), with the same values from the same
file. Requests: ``prepare`` and ``step``, as there, of a picture or of a training step.
"""

import os
import sys
from pathlib import Path

import numpy as np
import workers
from bench_memory import peak_memory
from workers import ROOT, Clock, Server

STYLE_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
CONTENT_LAYER = "relu3_3"


def pictures(batch: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (batch, height, width, 3))


class FastServer(Server):
    """Answers with the times of a side's ``job``, and with its memory."""

    def prepare(self, **what) -> dict:
        self.job = self.side.job(**what)
        self.job()  # compiles
        return {}

    def step(self, variant: str = "") -> dict:
        with Clock() as clock:
            loss = self.job()
        return {"loss": loss, **clock.read()}

    def result(self, path: str) -> dict:
        """Write what the network paints, to compare the sides."""
        np.save(path, self.side.paint())
        return {}

    def memory(self) -> dict:
        return {"peak": peak_memory()}


class Workshop:
    packages = ("tensorflow-cpu", "tensorflow")
    multiply = workers.Workshop.multiply

    def __init__(self, threads: int):
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        sys.path.insert(0, str(ROOT))
        import tensorflow as tf

        from style_workshop import feedforward, perceptual, vgg, weights

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        self.tf, self.feedforward, self.perceptual = tf, feedforward, perceptual
        self.weights = weights
        self.native_bfloat16 = vgg.fastest_dtype() == "bfloat16"

    def job(self, network: str, batch, height, width, dtype="float32", train=False):
        tf = self.tf
        net = self.feedforward.load(network)
        x = tf.constant(pictures(batch, height, width), tf.float32)
        if train:
            return self._training(net, x, dtype)
        run = tf.function(net, autograph=False, jit_compile=True)
        self.paint = lambda: run(x, None, dtype).numpy()
        return lambda: float(self.paint()[0, 0, 0, 0])

    def _training(self, net, x, dtype):
        tf, style = self.tf, pictures(1, 384, 384)[0].astype(np.float32)
        # Content and style alone, as the other side's.
        settings = self.perceptual.LossSettings(
            tile_share=0, range_weight=0, spike_weight=0, dtype=dtype
        )
        pretrained = self.weights.pretrained("vgg16")
        loss = self.perceptual.PerceptualLoss(pretrained, [style], settings).of(net)
        adam = tf.keras.optimizers.Adam(1e-5)
        adam.build(net.variables)

        @tf.function(autograph=False)
        def step(x):
            with tf.GradientTape() as tape:
                total, _ = loss(x, tf.constant(0))
            gradients = tape.gradient(total, net.variables)
            adam.apply_gradients(zip(gradients, net.variables, strict=True))
            return total

        return lambda: float(step(x))


class OnnxRuntime:
    packages = ("onnxruntime", "onnx")
    native_bfloat16 = False

    def __init__(self, threads: int):
        import onnxruntime

        self.onnxruntime = onnxruntime
        self.options = onnxruntime.SessionOptions()
        self.options.intra_op_num_threads = threads

    def job(self, network: str, batch, height, width, dtype="float32", train=False):
        path = Path(network).with_suffix(".onnx")
        session = self.onnxruntime.InferenceSession(str(path), self.options)
        x = pictures(batch, height, width).astype(np.float32)
        self.paint = lambda: session.run(["painted"], {"images": x})[0]
        return lambda: float(self.paint()[0, 0, 0, 0])


class PyTorch:
    packages = ("torch",)
    native_bfloat16 = False
    multiply = workers.Pastiche.multiply

    def __init__(self, threads: int):
        import torch

        torch.set_num_threads(threads)
        self.torch = torch
        sys.path.insert(0, str(ROOT))

    def job(self, network: str, batch, height, width, dtype="float32", train=False):
        torch = self.torch
        saved = np.load(network)
        names = [name for name in saved.files if name != "note.json"]
        values = self._tensors({n: saved[n].astype(np.float32) for n in names})
        x = pictures(batch, height, width).transpose(0, 3, 1, 2)
        x = torch.tensor(x, dtype=torch.float32)
        x = x.contiguous(memory_format=torch.channels_last)
        if train:
            return self._training(values, x)

        def paint():
            with torch.inference_mode():
                return self._paint(values, x).permute(0, 2, 3, 1).numpy()

        self.paint = paint
        return lambda: float(paint()[0, 0, 0, 0])

    def _tensors(self, arrays: dict[str, np.ndarray]) -> dict:
        """Turn kernels ``[h, w, in, out]`` into ``[out, in, h, w]``."""
        return {
            name: self.torch.tensor(
                array.transpose(3, 2, 0, 1).copy() if array.ndim == 4 else array
            )
            for name, array in arrays.items()
        }

    def _paint(self, values, x):
        """`feedforward.WORKSHOP`, layer by layer."""
        from torch.nn import functional

        def convolve(x, name, stride=1):
            kernel = values[f"{name}/kernel"]
            border = (kernel.shape[-1] // 2,) * 4
            x = functional.pad(x, border, mode="reflect")
            return functional.conv2d(x, kernel, values.get(f"{name}/bias"), stride)

        def norm(x, name):
            scale, shift = values[f"{name}/scale"], values[f"{name}/shift"]
            return functional.instance_norm(x, weight=scale, bias=shift, eps=1e-5)

        x = x / 127.5 - 1
        for number, stride in ((1, 1), (2, 2), (3, 2)):
            x = convolve(x, f"down_{number}", stride)
            x = norm(x, f"norm_down_{number}").relu()
        for number in range(1, 6):
            name = f"block_{number}"
            y = norm(convolve(x, f"{name}/conv_1"), f"{name}/norm_1").relu()
            x = x + norm(convolve(y, f"{name}/conv_2"), f"{name}/norm_2")
        for number in (1, 2):
            x = functional.interpolate(x, scale_factor=2)
            x = norm(convolve(x, f"up_{number}"), f"norm_up_{number}").relu()
        return 127.5 + 150 * self.torch.tanh(convolve(x, "out"))

    def _training(self, values, x):
        torch = self.torch
        from style_workshop import weights  # the arrays alone: no TensorFlow work

        vgg = self._tensors(weights.load("vgg16"))
        style = pictures(1, 384, 384).transpose(0, 3, 1, 2)
        with torch.no_grad():
            maps = self._vgg(vgg, torch.tensor(style, dtype=torch.float32))
            wanted = {layer: self._gram(maps[layer]) for layer in STYLE_LAYERS}
        parameters = [value.requires_grad_() for value in values.values()]
        adam = torch.optim.Adam(parameters, 1e-5)

        def step() -> float:
            with torch.no_grad():
                target = self._vgg(vgg, x, CONTENT_LAYER)[CONTENT_LAYER]
            adam.zero_grad()
            maps = self._vgg(vgg, self._paint(values, x))
            loss = (maps[CONTENT_LAYER] - target).square().mean()
            for layer, gram in wanted.items():
                missed = (self._gram(maps[layer]) - gram).square().sum((1, 2))
                loss = loss + (missed / gram.square().sum((1, 2))).mean()
            loss.backward()
            adam.step()
            return loss.item()

        return step

    def _gram(self, maps):
        flat = maps.flatten(2)
        return flat @ flat.transpose(1, 2) / flat.shape[-1]

    def _vgg(self, vgg, x, last="relu4_3") -> dict:
        from torch.nn import functional

        mean = self.torch.tensor([103.939, 116.779, 123.68]).reshape(1, 3, 1, 1)
        x, maps = x.flip(1) - mean, {}
        for block, depth in enumerate((2, 2, 3, 3), 1):
            for number in range(1, depth + 1):
                name = f"{block}_{number}"
                kernel, bias = vgg[f"conv{name}/kernel"], vgg[f"conv{name}/bias"]
                x = functional.conv2d(x, kernel, bias, padding=1).relu()
                maps[f"relu{name}"] = x
                if f"relu{name}" == last:
                    return maps
            x = functional.max_pool2d(x, 2)
        return maps


def main(name: str, threads: str) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sides = {"workshop": Workshop, "ONNX Runtime": OnnxRuntime, "PyTorch": PyTorch}
    server = FastServer(sides[name](int(threads)), sys.stdin, answers)
    server.answer(server.about())
    server.serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
