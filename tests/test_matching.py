"""Statistics of feature maps: what each way of matching gives, from the definitions."""

import numpy as np
import pytest

from style_workshop import matching


@pytest.fixture
def maps():
    random = np.random.default_rng(4)
    mix = random.normal(size=(5, 5))
    return (
        random.gamma(1.0, 2.0, (1, 9, 8, 5)).astype(np.float32),
        (random.normal(3, 1, (1, 12, 7, 5)) @ mix).astype(np.float32),
    )


def flat(maps):
    return np.float64(maps).reshape(-1, maps.shape[-1])


def test_covariance_and_mean_become_the_style_s(maps):
    found, style = flat(matching.whiten_and_color(*maps)), flat(maps[1])
    np.testing.assert_allclose(found.mean(0), style.mean(0), atol=1e-4)
    wanted = np.cov(style.T, bias=True)
    np.testing.assert_allclose(np.cov(found.T, bias=True), wanted, atol=1e-3)


def test_its_own_covariance_changes_nothing(maps):
    found = matching.whiten_and_color(maps[0], maps[0])
    np.testing.assert_allclose(found, maps[0], atol=1e-4)


def test_a_direction_without_variance_stays_without(maps):
    features = maps[0].copy()
    features[..., 4] = features[..., 3]
    found = matching.whiten_and_color(features, maps[1])
    assert np.isfinite(found).all()
    assert np.linalg.matrix_rank(flat(found) - flat(found).mean(0), tol=1e-3) == 4


def test_sorted_values_are_the_style_s_and_their_order_the_photograph_s(maps):
    features = maps[0]
    style = np.random.default_rng(1).normal(size=features.shape).astype(np.float32)
    found = flat(matching.match_sorted(features, style))
    np.testing.assert_allclose(np.sort(found, 0), np.sort(flat(style), 0), atol=1e-6)
    order = np.argsort(flat(features), axis=0)
    assert (np.diff(np.take_along_axis(found, order, 0), axis=0) >= 0).all()


def test_sorted_values_of_another_size_have_the_same_quantiles(maps):
    found, style = flat(matching.match_sorted(*maps)), flat(maps[1])
    for share in (0.1, 0.5, 0.9):
        near = np.quantile(style, [share - 0.05, share + 0.05], axis=0)
        middle = np.quantile(found, share, axis=0)
        assert (near[0] <= middle).all() and (middle <= near[1]).all()
