"""The scope factory: one set of variables, from a file or a seed, in any order."""

import gc
import weakref
import zlib

import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from style_workshop import WorkshopError, scopes

ONES = np.ones([1, 5, 5, 3], np.float32)


def convolution(x):
    """In the style of TensorFlow 1: no word of where its values come from."""
    with tf1.variable_scope("c"):
        kernel = tf1.get_variable("kernel", [3, 3, 3, 4], x.dtype)
        bias = tf1.get_variable("bias", [4], x.dtype, tf1.zeros_initializer())
    return tf.nn.conv2d(x, kernel, 1, "SAME") + bias


def made(values=None, **options):
    return scopes.make_template("net", convolution, ONES, values=values, **options)


def arrays(template) -> dict[str, np.ndarray]:
    return {n: v.numpy() for n, v in scopes.by_name(template.variables).items()}


def test_all_calls_share_variables_eager_or_compiled():
    template = made()
    compiled = tf.function(template)
    kernel = scopes.by_name(template.variables)["c/kernel"]
    for value in (1.0, 2.0):
        kernel.assign(tf.fill(kernel.shape, value))
        for call in (template, compiled, template):
            assert float(call(tf.constant(ONES))[0, 2, 2, 0]) == 27 * value
    assert len(template.variables) == 2


def test_a_template_that_is_made_inside_of_a_tf_function_gives_numbers_outside():
    kept = []

    @tf.function
    def inside(x):
        if not kept:
            kept.append(made())
        return kept[0](x)

    inside(tf.constant(ONES))
    np.testing.assert_allclose(kept[0](tf.constant(ONES)), inside(tf.constant(ONES)))


@pytest.mark.parametrize("trainable", [True, False])
def test_variables_go_with_their_template(trainable):
    template = made(trainable=trainable)
    template(ONES)
    variables = [weakref.ref(variable) for variable in template.variables]
    del template
    gc.collect()
    assert [variable() for variable in variables] == [None, None]


def test_names_are_without_that_of_the_network_which_differs_between_copies():
    first, second = made(), made()
    assert set(arrays(first)) == set(arrays(second)) == {"c/kernel", "c/bias"}
    assert not {v.name for v in first.variables} & {v.name for v in second.variables}
    lonely = tf.Variable(1.0, name="lonely")
    assert scopes.by_name([lonely]) == {"lonely": lonely}


def test_random_numbers_follow_from_seed_and_name_by_the_formula_of_glorot():
    found = arrays(made(seed=3))
    random = np.random.default_rng([3, zlib.crc32(b"c/kernel")])
    bound = np.sqrt(6 / (9 * (3 + 4)))
    wanted = random.uniform(-bound, bound, [3, 3, 3, 4]).astype(np.float32)
    np.testing.assert_array_equal(found["c/kernel"], wanted)
    np.testing.assert_array_equal(found["c/bias"], 0)
    assert np.abs(arrays(made(seed=4))["c/kernel"] - wanted).max() > 0.1


def test_their_order_does_not_matter():
    def other(x):
        with tf1.variable_scope("before"):
            tf1.get_variable("kernel", [3, 4])
        return convolution(x)

    later = arrays(scopes.make_template("net", other, ONES))
    np.testing.assert_array_equal(later["c/kernel"], arrays(made())["c/kernel"])
    assert np.abs(later["before/kernel"]).max() <= np.sqrt(6 / (3 + 4))


def test_saved_values_come_back_whatever_the_initializer_says():
    saved = arrays(made(seed=7))
    saved["c/bias"] = np.float16([1, 2, 3, 4])  # as a file has it
    again = made(saved)
    assert {v.dtype for v in again.variables} == {tf.float32}
    for name, array in arrays(again).items():
        np.testing.assert_array_equal(array, saved[name])


@pytest.mark.parametrize(
    ("saved", "what"),
    [
        ({}, "missing"),
        ({"c/kernel": np.zeros([5, 5, 3, 4], np.float32)}, r"\[5, 5, 3, 4\]"),
    ],
)
def test_values_that_do_not_fit_are_refused_in_one_sentence(saved, what):
    with pytest.raises(WorkshopError, match=f"c/kernel should be .* is {what}") as info:
        made(saved)
    assert "\n" not in str(info.value)


def test_it_computes_in_the_type_of_what_it_is_given_with_float32_variables():
    template = made()
    half = template(tf.cast(ONES, tf.bfloat16))
    assert half.dtype == tf.bfloat16
    assert {v.dtype for v in template.variables} == {tf.float32}
    np.testing.assert_allclose(
        tf.cast(half, tf.float32), template(tf.constant(ONES)), atol=0.1
    )


@pytest.mark.parametrize("compiled", [False, True])
def test_gradients_reach_the_variables(compiled):
    template = made()
    call = tf.function(template, jit_compile=True) if compiled else template
    x = tf.random.normal([1, 5, 5, 3], seed=0)
    with tf.GradientTape() as tape:
        tape.watch(template.variables)
        total = tf.reduce_sum(call(x))
    named = dict(
        zip(scopes.by_name(template.variables), template.variables, strict=True)
    )
    gradient = tape.gradient(total, named)
    np.testing.assert_allclose(gradient["c/bias"], [25] * 4, rtol=1e-6)
    assert np.abs(gradient["c/kernel"]).max() > 0


def test_only_a_network_that_is_trained_has_trainable_variables():
    assert all(v.trainable for v in made().variables)
    assert not any(v.trainable for v in made(trainable=False).variables)
