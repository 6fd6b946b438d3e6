"""How a training is divided among devices, in numbers; without TensorFlow."""

import re
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass

from style_workshop import WorkshopError, checks

#: Ways to divide: the network, the batch on one machine, the batch among machines.
STRATEGIES = ("pipeline", "mirrored", "multiworker")
#: Of a pipeline, which device has which job, for so many devices: the photograph's
#: encoder, the style image's, the decoder, the loss network. Two: one has all of VGG.
PLACES = {1: (0, 0, 0, 0), 2: (0, 0, 1, 0), 3: (0, 0, 1, 2), 4: (0, 1, 2, 3)}


@dataclass(frozen=True)
class Division:
    """Who does what.

    Attributes:
        strategy: ``"pipeline"``, ``"mirrored"`` or ``"multiworker"``.
        devices: of this machine; where it has fewer, one is split into logical ones.
        micro_batches: of a pipeline, the parts that a batch goes through it in.
        in_flight: of a pipeline, how many of them the decoder keeps at once while it
            waits for their gradients.
        workers: of ``multiworker``, an address ``"host:port"`` for each process.
        worker: which of them this one is, from 0.

    Raises:
        WorkshopError: what makes no sense.
    """

    strategy: str = "mirrored"
    devices: int = 1
    _: KW_ONLY
    micro_batches: int = 4
    in_flight: int = 2
    workers: Sequence[str] = ()
    worker: int = 0

    def __post_init__(self):
        checks.choice("strategy", self.strategy, STRATEGIES)
        most = max(PLACES) if self.strategy == "pipeline" else 64
        checks.whole_number("devices", self.devices, least=1, most=most)
        checks.whole_number("micro_batches", self.micro_batches, least=1)
        checks.whole_number("in_flight", self.in_flight, least=1)
        if self.strategy == "multiworker":
            self._require_workers()
        elif self.workers:
            raise WorkshopError("workers are for the strategy multiworker: choose it.")

    def _require_workers(self) -> None:
        if len(self.workers) < 2 or len(set(self.workers)) < len(self.workers):
            raise WorkshopError(
                "multiworker needs the addresses of two or more workers, each another "
                "one, the same list in the same order for all of them."
            )
        for address in self.workers:
            found = re.fullmatch(r"[\w.-]+:(\d{1,5})", address)
            if not found or not 0 < int(found[1]) < 65536:
                raise WorkshopError(
                    f"{address} is no address of a worker: use HOST:PORT, such as "
                    "127.0.0.1:23456."
                )
        checks.whole_number("worker", self.worker, most=len(self.workers) - 1)
        if self.devices > 1:
            raise WorkshopError(
                "multiworker takes one device of each worker: leave devices at 1, and "
                "start a worker for each."
            )

    @property
    def parts(self) -> int:
        """Into how many equal parts a batch is cut."""
        if self.strategy == "pipeline":
            return self.micro_batches
        return len(self.workers) or self.devices

    @property
    def writes(self) -> bool:
        """Whether this process is the one that writes: the only one, or the first."""
        return not self.worker

    def require_batch(self, batch_size: int) -> None:
        """Refuse a batch that does not come in equal parts.

        Raises:
            WorkshopError: it does not.
        """
        if batch_size % self.parts:
            raise WorkshopError(
                f"A batch of {batch_size} cannot be cut into {self.parts} equal parts: "
                f"use a multiple of {self.parts}."
            )
