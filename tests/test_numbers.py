"""The programs in tests/numbers print what TensorFlow 1.15.5 printed, apart from the differences that are listed."""

import json

import numpy as np
import pytest
from helpers import REPOSITORY, run_one_after_another

FOLDER = REPOSITORY / "tests" / "numbers"

_TENSORFLOW = "changed in TensorFlow 2"
_KERAS = "changed in Keras"
_SHUFFLE = "TensorFlow 1.15 made one operation of shuffle and repeat, with other random numbers"
_DOUBLE = "TensorFlow 1.15 gave a NumPy array of double precision the operation's default type"
_DECAY = "TensorFlow 1.15 read a variable for its gradient after its decay, without an order between the two"

# {program: {case: why its result differs, see docs/numbers.md}}
DIFFERENCES = {
    "operations": {
        "math: digamma": _TENSORFLOW,
        "math: sign of nan": _TENSORFLOW,
        "math: maximum with nan": _TENSORFLOW,
        "math: saturate_cast to int32": _TENSORFLOW,
        "math: nextafter": _DOUBLE,
        "signal: fft of double precision": _DOUBLE,
        "sparse: embedding_lookup_sparse mean": _TENSORFLOW,
        "sparse: embedding_lookup_sparse sqrtn": _TENSORFLOW,
    },
    "networks": {
        "image: per_image_standardization of bytes": _TENSORFLOW,
    },
    "training": {
        "metric: keras MeanIoU": "it counts in float32 instead of float64, " + _KERAS,
    },
    "input_data": {
        "dataset: shuffle and repeat": _SHUFFLE,
        "dataset: shuffle_and_repeat": _SHUFFLE,
        "dataset: rejection_resample": "it ends with the first of the two datasets that it mixes, " + _TENSORFLOW,
    },
    "estimators": {
        "head: MultiLabelHead": "the predictions of the Estimator library's last release also list the classes",
    },
    "contrib_parts": {
        "contrib: data.shuffle_and_repeat": _SHUFFLE,
        "opt: AdamW": _DECAY,
        "opt: AdamW sparse": _DECAY,
        "opt: MomentumW": _DECAY,
    },
}


def split(result):
    """Returns (texts, numbers as a float64 array) of a case's values."""
    texts = [value for value in result["values"] if isinstance(value, str)]
    numbers = [value for value in result["values"] if not isinstance(value, str)]
    return texts, np.array(numbers, np.float64)


def same(result, recorded):
    """Returns True for two errors, and for equal types and texts with numbers that are equal within rounding.

    Numbers may differ by 1e-5 of themselves, and by 1e-6 of the case's largest number, because sums cancel.
    """
    if "error" in result or "error" in recorded:
        return "error" in result and "error" in recorded
    if result["types"] != recorded["types"]:
        return False
    texts, numbers = split(result)
    recorded_texts, recorded_numbers = split(recorded)
    largest = np.max(np.abs(recorded_numbers[np.isfinite(recorded_numbers)]), initial=0)
    return texts == recorded_texts and np.allclose(numbers, recorded_numbers, 1e-5, 1e-6 * largest, equal_nan=True)


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """{program: what it prints under `run`}."""
    paths = [FOLDER / f"{program}.py" for program in DIFFERENCES]
    command = ("-m", "cnn_estimator", "run", "--api=1")
    texts = run_one_after_another(*paths, command=command, cwd=tmp_path_factory.mktemp("numbers"))
    return dict(zip(DIFFERENCES, texts, strict=True))


@pytest.mark.process
@pytest.mark.parametrize("program", DIFFERENCES)
def test_a_program_prints_the_numbers_of_tensorflow_1_15(program, printed):
    recorded = {result["name"]: result for result in json.loads((FOLDER / f"{program}.json").read_text())}
    results = {result["name"]: result for result in map(json.loads, printed[program].splitlines())}
    assert list(results) == list(recorded)
    different = {name: results[name] for name in recorded if not same(results[name], recorded[name])}
    assert {name: result for name, result in different.items() if name not in DIFFERENCES[program]} == {}
    assert set(DIFFERENCES[program]) <= set(different)


def result(*values, kind="float32 [2]"):
    return {"name": "case", "types": [kind], "values": list(values)}


@pytest.mark.unit
@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (result(1.0, 2.0), result(1.0, 2.0), True),
        (result(1.0, 2.0), result(1.0, 2.00001), True),
        (result(1.0, 2.0), result(1.0, 2.0001), False),
        (result(1e-9, 2.0), result(0.0, 2.0), True),
        (result(float("nan"), float("inf")), result(float("nan"), float("inf")), True),
        (result(float("nan"), 1.0), result(1.0, 1.0), False),
        (result("a", 1.0), result("b", 1.0), False),
        (result(1.0, kind="int32 []"), result(1.0, kind="int64 []"), False),
        ({"name": "case", "error": "ValueError"}, {"name": "case", "error": "TypeError"}, True),
        ({"name": "case", "error": "ValueError"}, result(1.0), False),
    ],
)
def test_results_are_the_same_within_rounding(first, second, expected):
    assert same(first, second) is expected
