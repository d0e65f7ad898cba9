"""The version of TensorFlow that programs under `run` and their packages read."""

import pytest
from helpers import REPOSITORY, run

pytestmark = pytest.mark.process

PROGRAM = """
import sys, sysconfig, tensorflow as tf, tensorflow.compat.v1 as v1, tf_slim
from tensorflow import __version__ as imported

def asked_by(package):  # as a file of an installed package asks
    path = sysconfig.get_path("purelib") + "/file.py"
    names = {"__name__": f"{package}.inner"}
    exec(compile("import tensorflow as tf\\nversion = tf.__version__", path, "exec"), names)
    return names["version"][:2]

print(tf.__version__, imported, tf.VERSION, tf.version.VERSION, v1.__version__)
print(asked_by("tf_slim"), asked_by("matplotlib"))
"""


@pytest.mark.parametrize(("options", "version"), [((), "1.15.5"), (("--tf_version=1.4.0", "--api=1"), "1.4.0")])
def test_the_program_reads_1_15_5_and_packages_that_need_tensorflow_2_the_truth(tmp_path, options, version):
    (tmp_path / "program.py").write_text(PROGRAM)
    environment = {"PYTHONPATH": str(REPOSITORY)}
    done = run("-m", "cnn_estimator", "run", *options, "program.py", environment=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [*[version] * 5, version[:2], "2."]
