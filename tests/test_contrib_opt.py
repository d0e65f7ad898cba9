"""tf.contrib.opt: external optimizers, LARS and others. The expected numbers are TensorFlow 1.15.5's."""

import sys
import types

import numpy as np
import pytest
from graphs import near, new_session

from cnn_estimator.tf1 import contrib, tf

pytestmark = pytest.mark.integration

OPT = contrib.opt

session = pytest.fixture(new_session)


def variables():
    return tf.get_variable("a", initializer=[[1.5, -2.0], [3.0, 0.5]]), tf.get_variable(
        "b", initializer=[4.0, 1.0, 2.0]
    )


def minimum(session, make, **arguments):
    """Returns the variables after a minimization, as one vector. make is called with (loss, a, b)."""
    a, b = variables()
    loss = tf.reduce_sum(tf.square(a) * [[1.0, 2.0], [3.0, 4.0]]) + tf.reduce_sum(tf.square(b - a[0, 0]) ** 2)
    optimizer = make(loss, a, b)
    session.run(tf.global_variables_initializer())
    optimizer.minimize(session, **arguments)
    return np.concatenate([value.ravel() for value in session.run([a, b])])


def scipy_optimizer(loss, **arguments):
    return OPT.ScipyOptimizerInterface(loss, **arguments)


SCIPY = {
    "L-BFGS-B": (
        lambda loss, a, b: scipy_optimizer(loss, options={"maxiter": 3}),
        [2.06733, -0.413549, -0.0651442, -0.0734164, 2.36314, 1.03832, 1.98575],
    ),
    "bounds": (
        lambda loss, a, b: scipy_optimizer(loss, var_to_bounds={a: (-np.inf, [1.0, 0.25]), b: (2, None)}),
        [1, 0, 0, 0, 2, 2, 2],
    ),
    "SLSQP": (
        lambda loss, a, b: scipy_optimizer(
            loss, equalities=[a[0, 1] - 1.0, a[1, 0] + a[1, 1] - 1.0], inequalities=[b[0] - 2.0], method="SLSQP"
        ),
        [1.16486, 1, 0.571437, 0.428563, 2, 1.19432, 1.20664],
    ),
    "CG of some variables": (
        lambda loss, a, b: scipy_optimizer(loss, var_list=[b], method="CG", tol=1e-4),
        [1.5, -2, 3, 0.5, 1.47364, 1.4939, 1.5061],
    ),
}


@pytest.mark.parametrize("name", SCIPY)
def test_scipy_minimizes_to_the_numbers_of_1_15(session, name):
    pytest.importorskip("scipy")
    make, expected = SCIPY[name]
    np.testing.assert_allclose(minimum(session, make), expected, atol=2e-3)


class GradientDescent(OPT.ExternalOptimizerInterface):
    """Descends along the gradient, within the bounds, and along violated constraints."""

    def _minimize(
        self,
        initial_val,
        loss_grad_func,
        equality_funcs,
        equality_grad_funcs,
        inequality_funcs,
        inequality_grad_funcs,
        packed_bounds,
        step_callback,
        optimizer_kwargs,
    ):
        vector = initial_val
        for _ in range(optimizer_kwargs["steps"]):
            _, gradient = loss_grad_func(vector)
            vector = vector - 0.01 * gradient
            for function, slope in zip(equality_funcs, equality_grad_funcs, strict=True):
                vector = vector - 0.1 * function(vector)[0] * slope(vector)[0]
            for function, slope in zip(inequality_funcs, inequality_grad_funcs, strict=True):
                vector = vector - 0.1 * min(function(vector)[0], 0) * slope(vector)[0]
            if packed_bounds:
                vector = np.clip(vector, *np.transpose(packed_bounds))
            step_callback(vector)
        return vector


EXTERNAL = {
    "plain": (
        lambda loss, a, b: GradientDescent(loss, steps=3),
        [2.07007, -1.76947, 2.49175, 0.389344, 3.22096, 1.1003, 1.99507],
    ),
    "bounds": (
        lambda loss, a, b: GradientDescent(loss, var_to_bounds={a: (-1, [[1, 2], [3, 4]])}, steps=2),
        [1, -0.96, 2.6508, 0.4232, 2.83914, 1.005, 1.9556],
    ),
    "constraints": (
        lambda loss, a, b: GradientDescent(loss, [b, a], [a[0, 1] - 1.0], [b[0] - 4.5, b[1] - b[2] - 1], steps=2),
        [2.13174, -1.30659, 2.6508, 0.4232, 3.49154, 1.38877, 1.64059],
    ),
    "a variable without a gradient": (
        lambda loss, a, b: GradientDescent(tf.reduce_sum(a**2), steps=2),
        [1.4406, -1.9208, 2.8812, 0.4802, 4, 1, 2],
    ),
}


@pytest.mark.parametrize("name", EXTERNAL)
def test_a_derived_optimizer_computes_the_numbers_of_1_15(session, name):
    make, expected = EXTERNAL[name]
    near(minimum(session, make), expected)


def test_callbacks_get_fetches_and_steps(session):
    weight = tf.get_variable("w", initializer=[1.0, 2.0])
    target = tf.placeholder(tf.float32, [])
    loss = tf.reduce_sum(tf.square(weight - target))
    optimizer = GradientDescent(loss, steps=2)
    session.run(tf.global_variables_initializer())
    losses = []
    steps = []
    optimizer.minimize(
        feed_dict={target: 3.0},
        fetches=[loss, target],
        step_callback=lambda vector: steps.append(vector.tolist()),
        loss_callback=lambda *fetched: losses.append(fetched),
    )
    near(losses, [[5, 3], [4.802, 3]])
    near(steps, [[1.04, 2.02], [1.0792, 2.0396]])
    near(session.run(weight), steps[-1])


def test_an_optimizer_without_an_algorithm_raises_an_error(session):
    weight = tf.get_variable("w", initializer=1.0)
    optimizer = OPT.ExternalOptimizerInterface(weight**2)
    session.run(tf.global_variables_initializer())
    with pytest.raises(NotImplementedError, match="_minimize"):
        optimizer.minimize(session)


@pytest.fixture
def scipy_calls(monkeypatch):
    """Replaces scipy.optimize.minimize. Returns the list of the arguments of its calls."""
    calls = []

    class Result(dict):
        __getattr__ = dict.get

    def minimize(function, start, **arguments):
        calls.append((function(start), start, arguments))
        return Result(x=start + 1, fun=2.5, nit=3, message="done")

    scipy = types.ModuleType("scipy")
    scipy.optimize = types.ModuleType("scipy.optimize")
    scipy.optimize.minimize = minimize
    monkeypatch.setitem(sys.modules, "scipy", scipy)
    monkeypatch.setitem(sys.modules, "scipy.optimize", scipy.optimize)
    return calls


def test_scipy_gets_the_arguments_of_1_15(session, scipy_calls):
    weight = tf.get_variable("w", initializer=[1.0, 2.0])
    optimizer = OPT.ScipyOptimizerInterface(
        tf.reduce_sum(tf.square(weight)),
        equalities=[weight[0]],
        inequalities=[weight[1] * 2],
        var_to_bounds={weight: (0, [3, 4])},
        method="SLSQP",
        options={"maxiter": 5},
        tol=0.5,
    )
    session.run(tf.global_variables_initializer())
    optimizer.minimize(session, step_callback=print)
    near(session.run(weight), [2, 3])
    (((loss, gradient), start, arguments),) = scipy_calls
    assert (loss, gradient.tolist(), gradient.dtype, start.dtype) == (5, [2, 4], np.float64, np.float64)
    constraints = arguments.pop("constraints")
    assert [each["type"] for each in constraints] == ["eq", "ineq"]
    assert [each["fun"](start)[0] for each in constraints] == [1, 4]
    assert [each["jac"](start)[0].tolist() for each in constraints] == [[1, 0], [0, 2]]
    assert arguments == {
        "jac": True,
        "callback": print,
        "bounds": [(0, 3), (0, 4)],
        "method": "SLSQP",
        "options": {"maxiter": 5},
        "tol": 0.5,
    }


@pytest.mark.parametrize("name", ["bounds", "jac", "callback", "constraints"])
def test_arguments_that_the_interface_sets_are_refused(session, scipy_calls, name):
    weight = tf.get_variable("w", initializer=1.0)
    optimizer = OPT.ScipyOptimizerInterface(weight**2, **{name: None})
    session.run(tf.global_variables_initializer())
    with pytest.raises(ValueError, match=name):
        optimizer.minimize(session)
    assert not scipy_calls


def test_scipy_is_only_needed_to_minimize(session, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.delitem(sys.modules, "scipy.optimize", raising=False)
    weight = tf.get_variable("w", initializer=1.0)
    optimizer = OPT.ScipyOptimizerInterface(weight**2)
    session.run(tf.global_variables_initializer())
    with pytest.raises(ImportError, match="pip install scipy"):
        optimizer.minimize(session)


def trained(session, make, resource=False):
    """Returns a table with a sparse gradient and a matrix after three steps, as one vector."""
    with tf.variable_scope("", use_resource=resource):
        table = tf.get_variable("table", initializer=[[1.0, -2.0], [3.0, 4.0], [0.5, 0.25]])
        matrix = tf.get_variable("matrix", initializer=[[0.5, -1.0], [2.0, 0.0]])
    step = tf.train.get_or_create_global_step()
    rows = tf.gather(table, [0, 2, 2])
    sign = 1 - 2 * tf.cast(tf.equal(step, 1), tf.float32)
    loss = tf.reduce_sum(tf.square(rows) * [1.0, 2.0]) + sign * tf.reduce_sum(tf.square(matrix - [3.0, 0.1]))
    update = make().minimize(loss, step)
    session.run(tf.global_variables_initializer())
    for _ in range(3):
        session.run(update)
    return np.concatenate([value.ravel() for value in session.run([table, matrix])])


def decay(step):
    return 1 - tf.cast(step, tf.float32) / 4


def clipping(axes, max_norm):
    optimizer = tf.train.MomentumOptimizer(0.1, 0.5)
    return OPT.VariableClippingOptimizer(optimizer, dict.fromkeys(tf.trainable_variables(), axes), max_norm)


OPTIMIZERS = {
    "LARS": (
        lambda: OPT.LARSOptimizer(0.5, 0.5, 0.1, 0.2, 0.01),
        [-0.25, -1, 3, 4, 0.25, -4, 0.719507, -0.88335, 2.0582, 0.00910924],
    ),
    "LARS, defaults": (
        lambda: OPT.LARSOptimizer(1.0),
        [0.98, 17.28, 3, 4, -4.32, -62.17, 0.503562, -0.998433, 2.00142, 0.000142469],
    ),
    "LARS, Nesterov": (
        lambda: OPT.LARSOptimizer(0.5, 0.5, eeta=0.2, use_nesterov=True),
        [0, 12.5, 3, 4, -3.125, -28.875, 0.801447, -0.867338, 2.12054, 0.0120583],
    ),
    "LARS, skipped": (
        lambda: OPT.LARSOptimizer(0.05, 0.5, 0.1, skip_list=["bias", "matr"]),
        [0.614, -0.604, 3, 4, 0.151, -0.031, 0.835, -0.8526, 2.134, 0.0134],
    ),
    "AddSign": (lambda: OPT.AddSignOptimizer(0.05), [0.512, -0.432, 3, 4, 0.108, 0.002, 1.4, -0.604, 2.36, 0.036]),
    "AddSign, decay": (
        lambda: OPT.AddSignOptimizer(0.05, 2.0, 0.5, decay),
        [0.380625, -0.18, 3, 4, 0.045, -0.01, 1.32656, -0.636312, 2.33062, 0.0330625],
    ),
    "PowerSign": (
        lambda: OPT.PowerSignOptimizer(0.02),
        [0.707988, -0.958397, 3, 4, 0.239599, 0.0451085, 0.984877, -0.786654, 2.19395, 0.0193951],
    ),
    "PowerSign, decay": (
        lambda: OPT.PowerSignOptimizer(0.05, 1.5, 0.5, decay),
        [0.644798, -0.77052, 3, 4, 0.19263, 0.0233544, 0.882511, -0.831695, 2.153, 0.0153004],
    ),
    "VariableClipping": (
        lambda: clipping([1], 0.5),
        [0.0197691, 0.373436, 3, 4, -0.062, -0.088, 0.474004, -0.159123, 0.479978, 0.011818],
    ),
    "VariableClipping of columns": (
        lambda: clipping([0], 2.0),
        [0.146986, 0.348055, 1.92351, 1.91552, -0.0792238, -0.0786198, 0.955413, -0.6898, 1.75704, 0.0282],
    ),
}


@pytest.mark.parametrize("resource", [False, True])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_compute_the_numbers_of_1_15(session, name, resource):
    make, expected = OPTIMIZERS[name]
    np.testing.assert_allclose(trained(session, make, resource), expected, rtol=1e-5, atol=1e-6)


def test_lars_leaves_zero_variables_to_momentum(session):
    zeros = tf.get_variable("zeros", initializer=[0.0, 0.0])
    update = OPT.LARSOptimizer(0.5).minimize(tf.reduce_sum(zeros))
    session.run(tf.global_variables_initializer())
    session.run(update)
    near(session.run(zeros), [-0.5, -0.5])
    with pytest.raises(ValueError, match="weight_decay=-1"):
        OPT.LARSOptimizer(0.5, weight_decay=-1)


@pytest.mark.parametrize("resource", [False, True])
def test_the_multitask_wrapper_keeps_the_moments_of_zero_gradients(session, resource):
    with tf.variable_scope("", use_resource=resource):
        table = tf.get_variable("table", initializer=[[1.0], [3.0]])
        vector = tf.get_variable("vector", initializer=[1.0, 2.0])
    factor = tf.placeholder(tf.float32, [])
    loss = tf.reduce_sum(tf.gather(table, [0, 0])) * factor + tf.reduce_sum(vector) * factor
    optimizer = OPT.MultitaskOptimizerWrapper(tf.train.MomentumOptimizer(0.5, 0.5))
    update = optimizer.minimize(loss)
    assert optimizer.get_slot_names() == ["momentum"]
    session.run(tf.global_variables_initializer())
    for number in [1, 0, 0, 1]:
        session.run(update, {factor: number})
    near(session.run(table), [[-1.5], [3]])
    near(session.run(vector), [-0.25, 0.75])
    with pytest.raises(TypeError, match="optimizer of tf"):
        OPT.MultitaskOptimizerWrapper("sgd")


def test_clipped_gradients_come_with_their_norm(session):
    ((first, _), (_, variable)), norm = OPT.clip_gradients_by_global_norm(
        [(tf.constant([3.0, 0.0]), "a"), (tf.constant([4.0]), "b")], 2.5
    )
    assert variable == "b"
    near(session.run(norm), 5)
    near(session.run(first), [1.5, 0])
