"""Data parallelism: the strategies of TensorFlow, on one machine and on several."""

import json
import os
import socket
from collections.abc import Sequence
from contextlib import ExitStack

import tensorflow as tf


def mirrored(devices: Sequence[str]) -> tf.distribute.MirroredStrategy:
    """Give a strategy that keeps a copy of every variable on each of ``devices``."""
    gpus = all("GPU" in device for device in devices)
    # TensorFlow's choice for processors allows one number of devices in a process.
    ways = None if gpus else tf.distribute.ReductionToOneDevice()
    return tf.distribute.MirroredStrategy(list(devices), cross_device_ops=ways)


def multiworker(
    workers: Sequence[str], worker: int
) -> tf.distribute.MultiWorkerMirroredStrategy:
    """Join the other processes, and wait until all of them are there.

    Before anything is computed.

    Args:
        workers: their addresses, ``"host:port"``.
        worker: which of them this process is.
    """
    os.environ["TF_CONFIG"] = json.dumps(
        {
            "cluster": {"worker": list(workers)},
            "task": {"type": "worker", "index": worker},
        }
    )
    return tf.distribute.MultiWorkerMirroredStrategy()


def free_addresses(count: int) -> list[str]:
    """Find so many addresses of this machine at which nobody listens."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
