"""What is read from the source of a program: imports, names, and where the absence of a name is handled."""

import pytest

from cnn_estimator.tf1 import source

pytestmark = pytest.mark.unit

PROGRAM = """
import numpy as np, os.path
import tensorflow as tf
from tensorflow.contrib import slim as s
from tensorflow.contrib.rnn import *
from . import helper
from .parts import first
layers = tf.layers

def f(x):
    y = layers.dense(tf.cast(x, tf.float32).shape, 2)
    s.conv2d(y)
    x.numpy()
    return np.uint8(x) + 100
"""


def test_names_are_followed_through_imports_and_assignments():
    read = source.parse(PROGRAM)
    assert [(use.name, use.line) for use in read.uses] == [
        ("numpy", 2),
        ("os.path", 2),
        ("tensorflow", 3),
        ("tensorflow.contrib.slim", 4),
        ("tensorflow.contrib.rnn", 5),
        ("tensorflow.layers", 8),
        ("tensorflow.layers.dense", 11),
        ("tensorflow.cast", 11),
        ("tensorflow.float32", 11),
        ("tensorflow.contrib.slim.conv2d", 12),
        ("numpy.uint8", 14),
    ]
    assert read.imports[-4:] == (".", ".helper", ".parts", ".parts.first")
    assert read.reads_numpy
    assert read.scalar_arithmetic == (14,)


@pytest.mark.parametrize(
    ("code", "optional"),
    [
        ("try:\n    tf.a\nexcept AttributeError:\n    pass", True),
        ("try:\n    tf.a\nexcept (ValueError, ImportError):\n    pass", True),
        ("try:\n    tf.a\nexcept:\n    pass", True),
        ("try:\n    tf.a\nexcept ValueError:\n    pass", False),
        ("try:\n    pass\nexcept ImportError:\n    pass\nelse:\n    tf.a", False),
        ("if tf.__version__ < '2':\n    tf.a", True),
        ("if hasattr(tf, 'a'):\n    tf.a", True),
        ("x = tf.a if hasattr(tf, 'a') else None", True),
        ("if x:\n    tf.a", False),
    ],
)
def test_names_whose_absence_is_handled_are_optional(code, optional):
    uses = source.parse(f"import tensorflow as tf\n{code}").uses
    assert [use.optional for use in uses if use.name == "tensorflow.a"] == [optional]


def test_the_first_import_of_a_name_counts():
    code = "try:\n    import tensorflow.compat.v1 as tf\nexcept ImportError:\n    import tensorflow as tf\ntf.Session"
    assert source.parse(code).uses[-1].name == "tensorflow.compat.v1.Session"


def test_a_program_is_read_with_the_files_that_it_imports_from_its_folder(tmp_path):
    files = {
        "main.py": "import package.inner\nfrom helper import x\nimport missing",
        "helper.py": "from package import sibling\nimport importlib\nimportlib.import_module('named')",
        "named.py": "",
        "package/__init__.py": "",
        "package/inner.py": "from . import sibling\nfrom ..helper import y",
        "package/sibling.py": "print 'Python 2'",
        "other.py": "",
    }
    for name, code in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(code)
    read = source.read_program(str(tmp_path / "main.py"), str(tmp_path))
    names = sorted(path.removeprefix(f"{tmp_path}/") for path in read)
    assert names == ["helper.py", "main.py", "named.py", "package/__init__.py", "package/inner.py"]


@pytest.mark.parametrize("code", ["print 'a'", "x = (", b"\x00"])
def test_what_is_no_python_raises_a_syntax_error(code):
    with pytest.raises(SyntaxError):
        source.parse(code)
