"""A toy of AdaIN's training, on one device or many: ``python tests/toy_decoder.py``.

A test starts it as a worker: its number, the folder of checkpoints, steps, the seconds
that a batch takes to come, where its weights go, and the addresses of all workers.
"""

import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from style_workshop import layers, parallel, scopes, training

WIDTH, SIDE, BATCH = 6, 12, 8


class Pairs:
    """Batches of noise that follow from their number alone."""

    def __init__(self, seconds: float = 0.0):
        self.number, self.seconds = 0, seconds

    def next(self):
        time.sleep(self.seconds)
        self.number += 1
        random = np.random.default_rng(self.number)
        return tuple(random.normal(size=(2, BATCH, SIDE, SIDE, 3)).astype(np.float32))

    def state(self):
        return {"number": self.number}

    def restore(self, state):
        self.number = state["number"]


def _encode(x):
    return tf.nn.relu(layers.convolution("conv", x, WIDTH, 3))


def _decode(x):
    x = tf.nn.relu(layers.convolution("conv_1", x, WIDTH, 3))
    return layers.convolution("conv_2", x, 3, 3)


def toy():
    """A decoder and its stages; variables go where the caller says."""
    encoder = scopes.make_template(
        "encoder", _encode, np.zeros([1, 4, 4, 3], np.float32), trainable=False
    )
    decoder = scopes.make_template(
        "decoder", _decode, np.zeros([1, 4, 4, WIDTH], np.float32)
    )

    def compare(painted, features, statistics, _step):
        found = encoder(painted)
        content = tf.reduce_mean((found - features) ** 2)
        style = tf.reduce_mean((_means(found) - statistics) ** 2)
        return content + style, {"content": content, "style": style}

    return decoder, parallel.Stages(
        encoder,
        lambda images: _means(encoder(images)),
        lambda features, statistics: decoder(features + statistics[:, None, None]),
        compare,
    )


def _means(features):
    return tf.reduce_mean(features, [1, 2])


def whole(stages):
    """The stages one after the other, as a loss."""

    def loss(batch, step):
        features, statistics = stages.content(batch[0]), stages.style(batch[1])
        painted = stages.decode(features, statistics)
        return stages.compare(painted, features, statistics, step)

    return loss


def train(steps=10, *, pairs=None, places=None, folder=None, **options):
    """Train it, on ``places`` as a pipeline; give the weights and the history."""
    decoder, stages = toy()
    settings = training.TrainingSettings(
        steps, 1e-3, average=0.9, clip=0.05, every=5, keep=2
    )
    gradients = places and parallel.Pipeline(
        stages, decoder.variables, places, **options
    )
    history = training.train(
        decoder.variables,
        whole(stages),
        pairs or Pairs(),
        gradients=gradients,
        settings=settings,
        folder=folder,
        progress=None,
    )
    return [variable.numpy() for variable in decoder.variables], history


def _worker(worker, folder, steps, seconds, output, *workers) -> None:
    strategy = parallel.multiworker(workers, int(worker))
    with strategy.scope():
        weights, history = train(int(steps), pairs=Pairs(float(seconds)), folder=folder)
    np.savez(output, *weights, losses=history.losses["total"])


if __name__ == "__main__":
    _worker(*sys.argv[1:])
