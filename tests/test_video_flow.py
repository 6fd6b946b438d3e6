"""Flow, warping and masks: motions whose answer is known; files of others."""

import contextlib
import struct

import cv2
import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from style_workshop import WorkshopError
from style_workshop.video import flow, painted, warping

RANDOM = np.random.default_rng(7)


def texture(height: int, width: int, smooth: float = 2.0) -> np.ndarray:
    """Soft random colors ``[h, w, 3]`` in 0-255."""
    noise = ndimage.gaussian_filter(
        RANDOM.standard_normal((height, width, 3)), (smooth, smooth, 0)
    )
    return np.float32(np.clip(127 + 60 * noise / noise.std(), 0, 255))


def constant(u: float, v: float, size=(40, 56)) -> np.ndarray:
    return np.broadcast_to(np.float32([u, v]), (*size, 2))


def rotation(angle: float, size=(61, 61)) -> np.ndarray:
    """The flow of a picture that turns about its middle."""
    y, x = np.mgrid[: size[0], : size[1]].astype(float)
    x, y = x - (size[1] - 1) / 2, y - (size[0] - 1) / 2
    c, s = np.cos(angle), np.sin(angle)
    return np.float32(np.stack([c * x - s * y - x, s * x + c * y - y], -1))


# --- flow -----------------------------------------------------------------------------


def test_a_shift_is_found():
    wide = texture(60, 90)
    first, second = wide[5:53, 8:72], wide[3:51, 11:75]  # seen 3 to the left, 2 down
    found = flow.estimate(first, second)
    truth = constant(-3, 2, first.shape[:2])
    inner = np.s_[6:-6, 6:-6]
    assert flow.end_point_error(found[inner], truth[inner]) < 0.1


def test_a_painted_clip_is_followed_to_a_fraction_of_a_pixel():
    clip = painted.paint(2, 96)
    found = flow.estimate(*clip.frames)
    still = np.linalg.norm(clip.forward[0], axis=-1).mean()
    assert flow.end_point_error(found, clip.forward[0]) < still / 3


@pytest.mark.parametrize("shape", [(40, 40, 3), (8, 8, 3), (64, 64)])
def test_frames_that_do_not_go_together_are_refused(shape):
    with pytest.raises(WorkshopError, match="flow needs two pictures"):
        flow.estimate(np.zeros((64, 64, 3)), np.zeros(shape))
    with pytest.raises(WorkshopError, match="flow needs two pictures"):
        flow.estimate(np.zeros((8, 8, 3)), np.zeros((8, 8, 3)))


def test_deepflow_says_which_package_has_it():
    frame = texture(32, 32)
    if hasattr(cv2, "optflow"):
        assert flow.estimate(frame, frame, "deepflow").shape == (32, 32, 2)
        return
    with pytest.raises(WorkshopError, match="opencv-contrib-python-headless"):
        flow.estimate(frame, frame, "deepflow")


def test_what_is_unknown_does_not_count():
    truth = np.array(constant(1, 0, (4, 4)))
    truth[0] = 1e10
    assert flow.end_point_error(constant(4, 4, (4, 4)), truth) == pytest.approx(5)


# --- files ----------------------------------------------------------------------------


def test_a_flo_file_is_as_middlebury_describes_it(tmp_path):
    wanted = np.float32(RANDOM.standard_normal((3, 5, 2)))
    flow.write_flo(tmp_path / "a.flo", wanted)
    content = (tmp_path / "a.flo").read_bytes()
    assert content[:4] == b"PIEH"
    assert struct.unpack("<ii", content[4:12]) == (5, 3)
    assert struct.unpack("<30f", content[12:]) == tuple(wanted.ravel())
    np.testing.assert_array_equal(flow.read_flo(tmp_path / "a.flo"), wanted)


def test_opencv_reads_what_we_write_and_the_other_way_round(tmp_path):
    wanted = np.float32(RANDOM.standard_normal((6, 4, 2)))
    flow.write_flo(tmp_path / "ours.flo", wanted)
    np.testing.assert_array_equal(
        cv2.readOpticalFlow(str(tmp_path / "ours.flo")), wanted
    )
    cv2.writeOpticalFlow(str(tmp_path / "theirs.flo"), wanted)
    np.testing.assert_array_equal(flow.read_flo(tmp_path / "theirs.flo"), wanted)


def test_a_flo_file_that_is_none_or_cut_off_is_refused(tmp_path, mutations):
    path = tmp_path / "a.flo"
    with pytest.raises(WorkshopError, match="There is no file"):
        flow.read_flo(path)
    flow.write_flo(path, np.zeros((3, 5, 2)))
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(WorkshopError, match="cut off"):
        flow.read_flo(path)
    path.write_bytes(b"GIF89a" + content)
    with pytest.raises(WorkshopError, match=r"no \.flo file"):
        flow.read_flo(path)
    with pytest.raises(WorkshopError, match=r"\[h, w, 2\]"):
        flow.write_flo(path, np.zeros((3, 5)))
    for damaged in mutations(content, 100, 1, within=12):
        path.write_bytes(damaged)
        with contextlib.suppress(WorkshopError):
            assert flow.read_flo(path).ndim == 3


# --- colors ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("u", "v", "color"),
    [
        (0, 0, (255, 255, 255)),
        (2, 0, (255, 0, 0)),
        (1, 0, (255, 127.5, 127.5)),
        # A quarter of the wheel's 55 steps is 13.75: 13.75 / 15 from red to yellow.
        (0, 2, (255, 255 * 13.75 / 15, 0)),
        # Half is 27.5: 2.5 of 11 steps from cyan to blue.
        (-2, 0, (0, 255 * 8.5 / 11, 255)),
        (4, 0, (191.25, 0, 0)),  # faster than the largest: three quarters as light
        (1e10, 0, (0, 0, 0)),
    ],
)
def test_colors_of_the_wheel(u, v, color):
    found = flow.to_colors(constant(u, v, (1, 1)), largest=2)
    np.testing.assert_allclose(found[0, 0], color, atol=0.01)


# --- warping --------------------------------------------------------------------------


def test_warping_equals_bilinear_sampling_by_scipy():
    image = texture(20, 30, smooth=0.5)
    field = np.float32(RANDOM.uniform(-6, 6, (20, 30, 2)))
    rows, columns = np.mgrid[:20, :30]
    places = [rows + field[..., 1], columns + field[..., 0]]
    expected = np.stack(
        [
            ndimage.map_coordinates(c, places, order=1, mode="nearest")
            for c in np.moveaxis(image, -1, 0)
        ],
        -1,
    )
    np.testing.assert_allclose(warping.warp(image, field), expected, atol=0.01)


def test_a_whole_shift_moves_pixels():
    image = texture(20, 30)
    moved = warping.warp(image, constant(3, -2, (20, 30))).numpy()
    np.testing.assert_array_equal(moved[2:, :-3], image[:-2, 3:])
    np.testing.assert_array_equal(moved[:, -1], moved[:, -4])  # the edge, repeated


@pytest.mark.slow
def test_warping_has_the_gradient_of_finite_differences():
    image = tf.constant(texture(5, 6))
    field = tf.constant(np.float32(RANDOM.uniform(-1.3, 1.3, (5, 6, 2))))
    theirs, ours = tf.test.compute_gradient(
        lambda a: warping.warp(a / 255, field), [image], delta=1.0
    )
    np.testing.assert_allclose(ours[0], theirs[0], atol=1e-4)
    theirs, ours = tf.test.compute_gradient(
        lambda f: warping.warp(image / 255, f), [field], delta=1e-3
    )
    np.testing.assert_allclose(ours[0], theirs[0], atol=5e-3)


def test_a_turned_picture_is_turned_back():
    def picture(x, y):
        return np.stack([np.sin(x / 5), np.cos(y / 7), np.sin((x + y) / 6)], -1)

    y, x = np.mgrid[:61, :61] - 30.0
    back = rotation(-0.2)  # from the new frame to the old one
    old = picture(x, y)
    new = picture(x + back[..., 0], y + back[..., 1])
    inner = np.hypot(x, y) < 28
    error = np.abs(warping.warp(np.float32(old), back).numpy() - new)[inner]
    assert error.max() < 0.02


# --- where to trust it ----------------------------------------------------------------


def test_a_shift_is_trusted_but_for_what_comes_in():
    forward, backward = constant(3, 0), constant(-3, 0)
    weights = warping.weights(backward, forward)
    expected = np.ones((40, 56))
    expected[:, :3] = 0
    np.testing.assert_array_equal(weights, expected)


def test_a_slow_turn_is_trusted():
    weights = warping.weights(rotation(-0.03), rotation(0.03))
    assert weights[5:-5, 5:-5].all()


def test_the_middle_of_a_fast_turn_is_taken_for_a_boundary():
    """By equation 6: ``2 a^2 > 0.01 a^2 r^2 + 0.002`` up to the radius r."""
    angle = 0.06
    found = warping.motion_boundaries(rotation(angle))
    y, x = np.mgrid[:61, :61] - 30
    radius = np.sqrt((2 * angle**2 - 0.002) / (0.01 * angle**2))
    expected = np.hypot(x, y) < radius
    assert 11 < radius < 13
    assert np.mean(found == expected) > 0.995


def square(left: int, size=(40, 60)) -> np.ndarray:
    mask = np.zeros(size, bool)
    mask[10:30, left : left + 15] = True
    return mask


def test_an_object_uncovers_what_was_behind_it():
    """A square moves 6 to the right over a still ground."""
    old, new = square(20), square(26)
    forward = np.float32(old[..., None] * [6.0, 0])
    backward = np.float32(new[..., None] * [-6.0, 0])
    hidden = ~warping.consistent(backward, forward)
    np.testing.assert_array_equal(hidden, old & ~new)
    edge = warping.motion_boundaries(backward)
    near = ndimage.binary_dilation(new) & ~ndimage.binary_erosion(new)
    np.testing.assert_array_equal(edge, near & edge)
    assert edge[10:30, [25, 26, 40, 41]].all()
    np.testing.assert_array_equal(
        warping.weights(backward, forward) > 0, ~hidden & ~edge
    )


def test_the_masks_agree_with_the_exact_ones_of_the_painted_clip():
    clip = painted.paint(2, 96)
    found = warping.consistent(clip.backward[0], clip.forward[0])
    found &= warping.inside(clip.backward[0])
    seen = clip.seen[0] > 0
    assert found[seen].mean() > 0.995  # what is seen is trusted
    assert found.mean() < 1 and found[~seen].mean() < 0.8


def test_older_frames_answer_for_what_nearer_ones_do_not_show():
    near, mid, far = ([[1, 0, 0, 0]], [[1, 1, 0, 0]], [[1, 1, 1, 0]])
    found = warping.long_term_weights([np.float32(c) for c in (near, mid, far)])
    wanted = [[[1, 0, 0, 0]], [[0, 1, 0, 0]], [[0, 0, 1, 0]]]
    np.testing.assert_array_equal(found, wanted)


# --- flicker --------------------------------------------------------------------------


def test_flicker_is_the_deviation_of_what_changes():
    still = [np.full((20, 30, 3), 100.0)] * 2
    flows, seen = [constant(0, 0, (20, 30))] * 2, [np.ones((20, 30))] * 2
    noise = [frame + RANDOM.normal(0, 5, frame.shape) for frame in [*still, still[0]]]
    np.testing.assert_allclose(
        warping.flicker(noise, flows, seen), 5 * np.sqrt(2), rtol=0.1
    )
    assert warping.flicker(still, flows[:1], seen[:1]) == pytest.approx([0])


def test_motion_is_no_flicker_and_what_is_hidden_does_not_count():
    wide = texture(20, 40)
    pair = [wide[:, 3:33], wide[:, :30]]  # all moves 3 to the right
    back = constant(-3, 0, (20, 30))
    seen = np.float32(warping.inside(back))
    assert warping.flicker(pair, [back], [seen])[0] == pytest.approx(0, abs=1e-4)
    assert warping.flicker(pair, [0 * back], [seen])[0] > 5
    assert warping.flicker(pair, [back], [0 * seen + 1])[0] > 1


# --- the painted clip -----------------------------------------------------------------


def test_the_exact_flow_carries_each_frame_into_the_next():
    clip = painted.paint(3, 96)
    assert [len(clip.frames), len(clip.forward), len(clip.seen)] == [3, 2, 2]
    with_flow = warping.flicker(clip.frames, clip.backward, clip.seen)
    without = warping.flicker(clip.frames, [0 * f for f in clip.backward], clip.seen)
    assert (with_flow < without / 4).all()


def test_there_and_back_is_exact_where_both_show_the_same():
    clip = painted.paint(2, 64)
    back, there = clip.backward[0], warping.warp(clip.forward[0], clip.backward[0])
    error = np.linalg.norm(back + there.numpy(), axis=-1)
    assert error[clip.seen[0] > 0].max() < 0.02


def test_the_clip_is_the_same_each_time_and_refuses_one_frame():
    first, second = painted.paint(2, 24), painted.paint(2, 24)
    np.testing.assert_array_equal(first.frames, second.frames)
    other = painted.paint(2, 24, seed=1)
    assert np.abs(first.frames[0] - other.frames[0]).mean() > 1
    assert first.frames[0].shape == (24, 32, 3)
    with pytest.raises(WorkshopError, match="count"):
        painted.paint(1)
