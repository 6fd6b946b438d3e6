"""Waves of a picture are scaled by their frequency, and back."""

import numpy as np
import pytest

from style_workshop.waves import scale_waves, wave_scales

RANDOM = np.random.default_rng(2)


def test_a_wave_is_scaled_by_its_frequency():
    rows = np.arange(12) + 0.5
    scales = wave_scales((12, 20, 3), 0.5)
    assert scales.shape == (12, 20) and scales.dtype == np.float32
    np.testing.assert_allclose(np.mean(scales**2), 1, rtol=1e-5)
    for waves in (1, 4, 11):  # half waves in the height of the picture
        wave = np.cos(np.pi * waves * rows / 12)[:, None, None]
        image = np.broadcast_to(wave, (12, 20, 3)).astype(np.float32)
        found = scale_waves(image, scales)
        np.testing.assert_allclose(found, scales[waves, 0] * image, atol=1e-5)
    np.testing.assert_allclose(scales[1, 0] / scales[4, 0], 2, rtol=1e-5)
    assert scales[0, 0] == scales.max()


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 7, 3), (9, 8, 3), (5, 31, 1)])
def test_scaling_waves_is_symmetric_and_can_be_undone(shape):
    one, other = RANDOM.normal(size=(2, *shape)).astype(np.float32)
    scales = wave_scales(shape, 0.5)
    np.testing.assert_allclose(
        np.sum(scale_waves(one, scales) * other),
        np.sum(one * scale_waves(other, scales)),
        rtol=1e-4,
        atol=1e-4,
    )
    undone = scale_waves(scale_waves(one, scales), 1 / scales)
    np.testing.assert_allclose(undone, one, atol=1e-5)
