"""The strip keeps what it is told to, and redraws one output in place."""

import IPython
import IPython.display
import matplotlib.pyplot as plt
import numpy as np
import pytest

from style_workshop.optimize import optimize
from style_workshop.watch import Strip


def picture(level: float) -> np.ndarray:
    return np.full((4, 6, 3), level, np.float32)


def test_without_a_notebook_it_keeps_and_draws_nothing(capsys):
    strip = Strip([0, 2])
    for step in range(4):
        strip(step, picture(step), {"total": 1.0})
    assert list(strip.pictures) == [0, 2]
    assert strip.pictures[2].max() == 2
    assert capsys.readouterr().out == ""


@pytest.fixture
def drawn(monkeypatch):
    """What a notebook would be told to show: new outputs, and updates of them."""
    new, updates = [], []

    class Handle:
        def update(self, figure):
            updates.append(figure)

    def display(figure, display_id):
        assert display_id is True
        new.append(figure)
        return Handle()

    # Matplotlib asks the shell for its events at its first figure: let that be before.
    plt.switch_backend("agg")
    monkeypatch.setattr(IPython, "get_ipython", lambda: object())
    monkeypatch.setattr(IPython.display, "display", display)
    return new, updates


def test_in_a_notebook_it_is_one_output_with_the_latest_picture_last(drawn):
    new, updates = drawn
    strip = Strip([0, 3])
    for step in range(4):
        strip(step, picture(step), {"total": 1.0})
    assert len(new) == 1 and len(updates) == 3
    titles = [[axis.get_title() for axis in figure.axes] for figure in (*new, *updates)]
    assert titles == [
        ["step 0", ""],
        ["step 0", "step 1"],
        ["step 0", "step 2"],
        ["step 0", "step 3"],
    ]
    assert updates[-1].axes[1].images[0].get_array().max() == 3


def test_it_is_a_callback_of_optimize():
    def loss(image):
        import tensorflow as tf

        total = tf.reduce_mean((image - 100.0) ** 2)
        return total, {"far": total}

    strip = Strip([0, 2])
    result = optimize(
        loss, picture(0), 2, optimizer="adam", callback=strip, progress=None
    )
    assert list(strip.pictures) == [0, 2]
    np.testing.assert_array_equal(strip.pictures[2], result.image)
