"""The old names of NumPy, which `run` restores."""

import numpy as np
import pytest
from helpers import run

pytestmark = pytest.mark.process

PROGRAM = """
import numpy as np
from cnn_estimator.tf1 import old_numpy

kept = np.prod, np.float64, np.inf
old_numpy.restore()
assert kept == (np.prod, np.float64, np.inf)
ones = np.ones(3, dtype=np.int)
assert ones.dtype == int and np.ones(1, np.float).dtype == float and np.array(["a"], np.object).dtype == object
assert np.zeros(1, np.bool).dtype == bool and np.array(["a"], np.str).dtype.kind == "U"
assert np.float_ is np.float64 and np.string_ is np.bytes_ and np.unicode_ is np.str_
assert np.product([2, 3]) == 6 and np.row_stack([ones, ones]).shape == (2, 3) and np.isnan(np.NaN) and np.Inf > 0
assert np.asscalar(np.array([2.5])) == 2.5 and np.NINF < 0
assert np.asfarray([1, 2]).dtype == np.asfarray([1], np.int32).dtype == "float64"
assert np.reshape(ones, newshape=[3, 1]).shape == np.reshape(ones, (3, 1), order="F").shape == (3, 1)
assert np.asfarray([1], np.float32).dtype == "float32"
"""


def test_old_names_are_restored_in_one_process_alone():
    done = run("-c", PROGRAM)
    assert done.returncode == 0, done.stderr
    assert not hasattr(np, "int"), "the bridge without `run` restores no names"
