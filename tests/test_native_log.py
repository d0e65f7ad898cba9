"""The notes that TensorFlow's C++ side prints on stderr, and that commands hide."""

import signal

import pytest
from helpers import run

pytestmark = pytest.mark.process

NOTES = [
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
    "I0000 00:00:1.5  7 port.cc:153] oneDNN custom operations are on.",
    "2026-01-01 00:00:00.5: I cpu_feature_guard.cc:210] This TensorFlow binary is optimized",
    "To enable the following instructions: AVX2, in other operations, rebuild TensorFlow",
]
FATAL = "2026-01-01 00:00:00.5: F cpu_feature_guard.cc:1] compiled to use AVX"


@pytest.fixture
def tensorflow(tmp_path):
    """A function that runs native_log.load_tensorflow() with a TensorFlow of some code."""

    def load(code, environment=None):
        (tmp_path / "tensorflow.py").write_text(code)
        load_it = "from cnn_estimator.cli import native_log; native_log.load_tensorflow()"
        return run("-c", load_it, environment={"PYTHONPATH": str(tmp_path), **(environment or {})})

    return load


def test_notes_are_dropped_and_fatal_errors_are_not(tensorflow):
    text = "".join(f"{line}\n" for line in [*NOTES, FATAL])
    done = tensorflow(f"import os; os.write(2, {text!r}.encode()); os.abort()")
    assert done.returncode == -signal.SIGABRT
    assert done.stderr == f"{FATAL}\n"


def test_notes_are_printed_at_log_level_0(tensorflow):
    text = "".join(f"{line}\n" for line in [*NOTES, FATAL])
    code = f"import os; os.write(2, {text!r}.encode()); os._exit(3)"
    done = tensorflow(code, {"TF_CPP_MIN_LOG_LEVEL": "0"})
    assert (done.returncode, done.stderr) == (3, text)


def test_stderr_is_not_filtered_afterwards():
    done = run(
        "-c",
        "import os\n"
        "from cnn_estimator.cli import native_log\n"
        "with native_log.filtered():\n"
        f"    os.write(2, b'{NOTES[1]}\\nsomething else\\n')\n"
        f"os.write(2, b'{NOTES[1]}\\n')",
    )
    assert (done.returncode, done.stderr) == (0, f"something else\n{NOTES[1]}\n")


def test_tensorflow_is_loaded_in_silence_and_kept_out_of_the_garbage_collector():
    done = run(
        "-c",
        "import gc\n"
        "from cnn_estimator.cli import native_log\n"
        "native_log.load_tensorflow()\n"
        "print(gc.isenabled(), gc.get_freeze_count() > 100_000)\n"
        "from cnn_estimator.tf1 import tf\n"
        "with tf.Session() as session:\n"
        "    print(session.run(tf.constant(2) + 3))",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True True\n5\n", "")
