"""The precision of the arithmetic: which processors have bfloat16, and what changes with it."""

import numpy as np
import pytest
from helpers import variables

from cnn_estimator import hardware
from cnn_estimator.errors import UserError

X86 = "processor : 0\nvendor_id : {}\nflags : fpu avx512f {}\n"
AMD, INTEL = "AuthenticAMD", "GenuineIntel"
needs_bfloat16 = pytest.mark.skipif(not hardware.has_bfloat16(), reason="needs a processor with bfloat16")


@pytest.mark.unit
@pytest.mark.parametrize(
    ("information", "expected", "automatic"),
    [
        (X86.format(AMD, "avx512_bf16"), True, "bfloat16"),
        (X86.format(INTEL, "avx512_bf16"), True, "float32"),
        (X86.format(INTEL, "avx512_bf16 amx_bf16 amx_tile"), True, "bfloat16"),
        ("Features\t: fp asimd bf16\n", True, "bfloat16"),
        (X86.format(AMD, "avx2"), False, "float32"),
        (X86.format(INTEL, "no_bf16_here xbf16"), False, "float32"),
        ("model name : bf16\n", False, "float32"),
        (None, False, "float32"),
    ],
)
def test_linux_lists_which_processor_computes_in_bfloat16(tmp_path, monkeypatch, information, expected, automatic):
    if information is not None:
        (tmp_path / "cpuinfo").write_text(information)
    monkeypatch.setattr(hardware, "CPU_INFORMATION_FILE", str(tmp_path / "cpuinfo"))
    assert hardware.has_bfloat16() is expected
    assert hardware.resolve_precision("auto") == automatic
    assert hardware.resolve_precision("float32") == "float32"
    if not expected:
        with pytest.raises(
            UserError, match=r"^precision bfloat16: this processor does not .*: choose precision float32$"
        ):
            hardware.resolve_precision("bfloat16")


@pytest.mark.integration
@needs_bfloat16
def test_bfloat16_repeats_and_goes_on_to_the_bit_with_float32_variables(tmp_path, data_dir):
    from cnn_estimator import training
    from cnn_estimator.tf1 import tf

    options = {"recipe": "fashion_ladder_3", "seed": 1, "batch_size": 10, "data_dir": data_dir}
    for name, steps in {"whole": (4,), "in_two": (2, 4), "float32": (4,)}.items():
        for number in steps:
            chosen = {"precision": "float32" if name == "float32" else "bfloat16"} if number == steps[0] else {}
            training.train(tmp_path / name, max_steps=number, **chosen, **options)
    assert variables(tmp_path / "whole") == variables(tmp_path / "in_two") != variables(tmp_path / "float32")
    reader = tf.train.load_checkpoint(str(tmp_path / "whole"))
    assert {dtype.name for dtype in reader.get_variable_to_dtype_map().values()} == {"float32", "int64"}


@pytest.mark.integration
@needs_bfloat16
def test_a_checkpoint_is_evaluated_and_predicted_with_in_both(trained, data_dir):
    from cnn_estimator import evaluation, prediction
    from cnn_estimator.data import datasets

    metrics = [
        evaluation.evaluate(trained, precision=name, data_dir=data_dir).metrics for name in ("float32", "bfloat16")
    ]
    assert metrics[0]["loss"] != metrics[1]["loss"] == pytest.approx(metrics[0]["loss"], rel=0.05, abs=0.01)
    images = datasets.load("fashion_mnist", "test", data_dir).images
    found = []
    for name in ("float32", "bfloat16"):
        with prediction.Predictor(trained, precision=name) as predictor:
            found.append(predictor.predict(images).probabilities)
    assert not np.array_equal(*found)
    np.testing.assert_allclose(*found, atol=0.05)


@pytest.mark.integration
def test_a_run_in_bfloat16_does_not_go_on_without_it(tmp_path, data_dir, monkeypatch):
    from cnn_estimator import training

    monkeypatch.setattr(hardware, "has_bfloat16", lambda: True)
    training.train(tmp_path / "run", "fashion_dense", steps=1, precision="bfloat16", data_dir=data_dir)
    monkeypatch.setattr(hardware, "has_bfloat16", lambda: False)
    with pytest.raises(UserError, match=r"^precision bfloat16: this processor"):
        training.train(tmp_path / "run", "fashion_dense", steps=1)
    assert training.train(tmp_path / "run", "fashion_dense", steps=1, precision="float32").step == 2
