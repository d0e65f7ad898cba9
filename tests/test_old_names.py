"""The old names of Python, NumPy and other libraries, which `run` restores."""

import collections
import inspect
import pathlib

import numpy as np
import pytest
from google.protobuf import descriptor_pb2
from helpers import run

from cnn_estimator.tf1 import old_names

# The numbers are from TensorFlow 1.15.5 with Python 3.7, NumPy 1.18.5, SciPy 1.1 and Pillow 5.4.
PYTHON = """
import array, base64, cgi, collections, configparser, fractions, html.parser, imghdr, imp, importlib, inspect, io
import json, locale, os, pipes, random, tempfile, threading, time, unittest
import distutils.version
import numpy as np
import xml.etree.cElementTree as ET
from collections import Iterable, Mapping
from distutils.util import strtobool

assert isinstance([], Iterable) and isinstance({}, Mapping) and not isinstance(3, collections.Iterable)
assert inspect.getargspec(lambda a, b=1, *c, **d: 0) == inspect.ArgSpec(["a", "b"], "c", "d", (1,))
for function in ("lambda *, a: 0", "print_to"):
    def print_to(a: int): pass
    try:
        inspect.getargspec(eval(function))
    except ValueError:
        pass
    else:
        raise AssertionError(function)
def typed(a: int, *, b: "text" = 2, c) -> float: pass
assert inspect.formatargspec(*inspect.getfullargspec(lambda a, b=1, *c, **d: 0)) == "(a, b=1, *c, **d)"
assert inspect.formatargspec(*inspect.getfullargspec(typed)) == "(a: int, *, b: 'text'=2, c) -> float"
assert inspect.formatargspec(["a", "b"], "c", "d", ("x",), formatvalue=lambda value: "") == "(a, b, *c, **d)"
assert inspect.formatargspec([], formatarg=str.upper) == "()"
assert 0 <= time.clock() <= time.process_time() and not threading.Thread().isAlive() and os.errno.ENOENT == 2
assert [fractions.gcd(*pair) for pair in ((12, 18), (-12, 18), (12, -18), (0, -5), (-5, 0))] == [6, 6, -6, -5, -5]
assert base64.decodestring(base64.encodestring(b"ab")) == b"ab" and pipes.quote("a b") == "'a b'"
assert cgi.escape('<a b="1">&') == '&lt;a b="1"&gt;&amp;' and cgi.escape('"', quote=True) == "&quot;"
assert html.parser.HTMLParser().unescape("&lt;&eacute;") == "<\\u00e9" and cgi.parse_qs("a=1") == {"a": ["1"]}
numbers = array.array("b", [1])
numbers.fromstring(numbers.tostring())
assert numbers.tolist() == [1, 1]
tree = ET.ElementTree(ET.fromstring("<a><b>1</b><c><b>2</b></c></a>"))
assert [child.tag for child in tree.getroot().getchildren()] == ["b", "c"] and len(tree.getiterator("b")) == 2
assert [found.text for found in tree.getroot().getiterator("b")] == ["1", "2"]
assert json.loads("[1]", encoding="utf-8") == json.load(io.StringIO("[1]"), encoding="utf-8") == [1]
assert locale.format("%.1f", 2.25) == "2.2"
parser = configparser.SafeConfigParser()
parser.readfp(io.StringIO("[a]\\nb=1\\n"))
assert parser.get("a", "b") == "1"
assert distutils.version.LooseVersion("1.10") > distutils.version.LooseVersion("1.9") and strtobool("yes")
assert importlib.find_loader("json") and importlib.find_loader("no_such_module") is None

folder = tempfile.mkdtemp()
os.mkdir(folder + "/package_x")
for name in ("/module_x.py", "/package_x/__init__.py"):
    with open(folder + name, "w") as file:
        file.write("values = [1]\\n")
module = imp.load_source("module_y", folder + "/module_x.py")
assert module.values == [1] and module is imp.load_source("module_y", folder + "/module_x.py")
for name, kind in (("module_x", imp.PY_SOURCE), ("package_x", imp.PKG_DIRECTORY)):
    file, path, details = imp.find_module(name, [folder])
    assert details[2] == kind and imp.load_module(name, file, path, details).values == [1]
assert imp.new_module("a").__name__ == "a" and imp.reload(json) is json
try:
    imp.find_module("no_such_module", [folder])
except ImportError:
    pass
else:
    raise AssertionError
png = b"\\211PNG\\r\\n\\032\\n"
assert imghdr.what(None, png) == imghdr.what(io.BytesIO(png)) == "png" and imghdr.what(None, b"P5\\n") == "pgm"
assert imghdr.what(folder + "/module_x.py") is None and imghdr.what("", b"\\xff\\xd8\\xff\\xe0  JFIF") == "jpeg"

random.seed(7)
assert [random.randint(0, 10.0) for _ in range(5)] == [5, 2, 6, 10, 0] and random.randrange(10.0) == 1
random.seed(7)
assert random.sample({1, 2, 3, 4, 5}, 3) == [3, 2, 4]
values = list(range(10))
random.seed(7)
random.shuffle(values)
assert values == [8, 3, 1, 4, 7, 0, 9, 6, 2, 5]
random.shuffle(values, lambda: 0.3)
assert values == [5, 9, 8, 7, 0, 3, 6, 2, 1, 4]
for value, first in ((np.int64(3), 0.23796462709189137), (np.int64(-3), 0.4710496035798619), (3, 0.23796462709189137)):
    random.seed(value)
    assert random.random() == first
assert random.Random(np.int64(3)).random() == 0.23796462709189137

class Test(unittest.TestCase):
    def test(self):
        self.assertEquals(1, 1)
        self.assertItemsEqual([1, 2], [2, 1])
        self.assertDictContainsSubset({1: 2}, {1: 2, 3: 4})
        self.assertRaises(AssertionError, self.assertDictContainsSubset, {1: 3}, {1: 2, 3: 4})
        with self.assertRaisesRegexp(ValueError, "b$"):
            raise ValueError("ab")
assert unittest.makeSuite(Test).run(unittest.TestResult()).wasSuccessful()
"""
NUMPY = """
import numpy as np

assert np.ones(3, np.int).dtype == int and np.ones(1, np.float).dtype == float and np.array("a", np.object).dtype == "O"
assert np.zeros(1, np.bool).dtype == bool and np.array(["a"], np.str).dtype.kind == "U" and np.unicode is str
assert np.float_ is np.float64 and np.string_ is np.bytes_ and np.unicode_ is np.str_ and np.math.pi < 4
assert np.product([2, 3]) == 6 and np.alltrue([1]) and np.isnan(np.NaN) and np.isnan(np.NAN) and np.Inf > 0 > np.NINF
assert np.asscalar(np.array([2.5])) == np.asscalar(np.float32(2.5)) == 2.5 and np.rank([[1]]) == 2
assert np.asfarray([1, 2]).dtype == np.asfarray([1], np.int32).dtype == "float64"
assert np.asfarray([1], np.float32).dtype == np.cast["float32"](1).dtype == "float32"
assert np.in1d([[1, 2], [3, 4]], [1, 4]).tolist() == [True, False, False, True]
assert np.msort([[3, 1], [1, 2]]).tolist() == [[1, 1], [3, 2]] and np.alen([1, 2]) == 2 and np.alen(3) == 1
assert np.lib.pad([1, 2], 1, "constant").tolist() == [0, 1, 2, 0] and np.trapz([1, 2, 3]) == 4
assert np.float32 in np.sctypes["float"] and np.VisibleDeprecationWarning and np.linalg.linalg.LinAlgError
from numpy.lib.arraysetops import unique
from numpy.linalg.linalg import norm
assert norm([3, 4]) == 5 and unique([2, 1]).tolist() == [1, 2]

def refused(function, *arguments):
    try:
        function(*arguments)
    except (TypeError, ValueError):
        return True

# Rows of different lengths.
rows = np.array([[1], [1, 2]])
assert rows.dtype == object and rows.tolist() == np.asarray([[1], [1, 2]]).tolist() == [[1], [1, 2]]
assert np.array([[[1], [2]], [[1], [2, 3]]]).shape == (2, 2) and np.array([[1], [1, 2]], ndmin=2).shape == (1, 2)
assert np.array([np.zeros((2, 3)), np.zeros((3, 3))]).shape == (2,)
assert np.array([[1, 2], None]).tolist() == [[1, 2], None]
assert refused(np.array, [[1], [1, 2]], float) and refused(np.array, [np.zeros((2, 3)), np.zeros((2, 4))])
# Copies.
assert np.array([1, 2], copy=False).tolist() == np.array([1, 2], copy=0).tolist() == [1, 2]
ones = np.ones(3)
assert np.array(ones, copy=False) is ones and np.array(ones) is not ones and np.array(ones, np.float32, copy=False).size
# Bytes.
parsed = np.fromstring(b"\\1\\0\\2\\0", np.uint8)
parsed[0] = 7
assert parsed.tolist() == [7, 0, 2, 0] and np.fromstring("ab", np.uint8).tolist() == [97, 98]
assert np.fromstring(b"\\1\\0\\2\\0", np.int16, 1).tolist() == [1] and np.fromstring("1 2", sep=" ").tolist() == [1, 2]
assert refused(np.fromstring, b"abc", np.int32)
for array in (np.arange(4, dtype=np.int8).reshape(2, 2), np.matrix([[0, 1], [2, 3]], np.int8)):
    assert array.tostring() == b"\\0\\1\\2\\3" and array.tostring("F") == array.tostring(order="F") == b"\\0\\2\\1\\3"
assert np.ma.array([1], np.int8).tostring() == b"\\1" and np.int32(1).tostring() == b"\\1\\0\\0\\0"
assert np.arange(2, dtype="<i2").newbyteorder().tolist() == [0, 256] and np.arange(3).newbyteorder("<").dtype == "<i8"
# One element.
array = np.zeros((2, 2))
array.itemset(3, 1)
array.itemset(0, 1, 2)
array.itemset((1, 0), 9)
array.itemset((0,), 4)
assert array.tolist() == [[4, 2], [9, 1]] and refused(array.itemset, 1, 1, 1, 5)
one = np.zeros((1, 1))
one.itemset(5)
assert one.tolist() == [[5]]
assert array.ptp() == 8 and array.ptp(0).tolist() == [5, 1] and array.ptp(axis=1, keepdims=True).tolist() == [[2], [8]]
assert array.view(np.memmap).ptp() == np.ptp(array.view(np.recarray)) == 8
for one in (np.array([2.75]), np.array([[2.75]]), np.matrix([[2.75]]), np.array(2.75)):
    assert (float(one), int(one), complex(one), "%d" % one, "%.1f" % one) == (2.75, 2, 2.75, "2", "2.8")
assert float(np.array(["3"])) == 3 and float(np.array([[1]], object)) == 1
assert refused(float, np.array([1, 2])) and refused(int, np.array([])) and refused(bool, np.array([1, 2]))
assert not np.array([]) and not np.array([0]) and np.array([[1]])
# Iterables.
def two():
    return (np.zeros(2) for _ in range(2))
assert np.vstack(two()).shape == np.row_stack(map(np.zeros, [2, 2])).shape == np.stack(two()).shape == (2, 2)
assert np.hstack(two()).shape == (4,) and np.column_stack(two()).shape == (2, 2) and np.dstack(two()).shape == (1, 2, 2)
assert np.vstack({1: np.zeros(2)}.values()).shape == (1, 2) and np.sum(x for x in [1, 2]) == np.sum([1, 2]) == 3
# Arguments.
assert np.reshape(ones, newshape=[3, 1]).shape == np.reshape(ones, (3, 1), order="F").shape == (3, 1)
assert np.histogram([1, 2, 2, 5], [0, 1, 3, 10], normed=True)[0].round(8).tolist() == [0, 0.23076923, 0.07692308]
assert np.histogram([1, 2, 3], 4, None, True)[0].round(8).tolist() == [0.66666667, 0, 0.66666667, 0.66666667]
assert np.histogram([1, 2, 3], 2)[0].tolist() == [1, 2]
values, index, inverse = np.unique([[1, 2], [1, 3]], return_index=True, return_inverse=True)
assert values.tolist() == [1, 2, 3] and index.tolist() == [0, 1, 3] and inverse.tolist() == [0, 1, 0, 2]
assert np.unique([2, 1]).tolist() == [1, 2] and np.unique([[2, 1]], return_inverse=True)[1].tolist() == [1, 0]
# Printing.
assert str({"loss": np.float32(0.1)}) == "{'loss': 0.1}" and repr(np.int64(2)) == "2"
assert repr([np.float64(1.5), np.bool_(True), np.str_("a")]) == "[1.5, True, 'a']" and repr(np.complex64(2j)) == "2j"
assert repr(np.arange(2000)) == "array([   0,    1,    2, ..., 1997, 1998, 1999])"
"""
LIBRARIES = """
import os, tempfile
import h5py, matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

matplotlib.use("agg")
import matplotlib.pyplot as plt

assert (Image.ANTIALIAS, Image.LINEAR, Image.CUBIC) == (1, 2, 3)
font = ImageFont.truetype(os.path.join(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"), 10)
draw = ImageDraw.Draw(Image.new("RGB", (9, 9)))
assert font.getsize("hello") == draw.textsize("hello", font) == (24, 10) and draw.textsize("a\\nb", font) == (6, 24)
assert draw.textsize("a") > (0, 0)
plt.style.use(["seaborn-whitegrid", {"lines.linewidth": 3}])
assert plt.rcParams["grid.color"] == ".8" and plt.rcParams["lines.linewidth"] == 3
with plt.style.context("seaborn"):
    assert plt.rcParams["axes.facecolor"] == "#EAEAF2"
assert plt.cm.get_cmap("jet", 5).N == 5
assert plt.figure().gca(projection="3d").name == "3d" and len(plt.gcf().axes) == 1
assert plt.gcf().gca(projection="3d") is plt.gcf().gca()
plt.close()
assert plt.hist([1, 2, 3], 4, normed=1)[0].round(8).tolist() == [0.66666667, 0, 0.66666667, 0.66666667]
canvas = plt.gcf().canvas
canvas.set_window_title("a")
assert canvas.get_window_title() == canvas.manager.get_window_title()
assert matplotlib.figure.Figure().canvas.get_window_title() is None
legend = plt.gca().legend(["a"])
assert legend.draggable() is not None and legend.get_draggable()
assert legend.draggable() is None and legend.draggable(False) is None and not legend.get_draggable()
path = os.path.join(tempfile.mkdtemp(), "a.h5")
for name in ("x", "y"):
    with h5py.File(path) as file:
        file[name] = np.arange(3)
        assert file[name].value.tolist() == [0, 1, 2]
with h5py.File(path, "r") as file:
    assert [*file] == ["x", "y"]

# The libraries of the folder stand in for ones that may be installed or not.
import sys

for name in [*sys.modules]:
    if name.partition(".")[0] in ("joblib", "pandas", "scipy", "sklearn", "yaml"):
        del sys.modules[name]
import sklearn.externals.joblib, yaml
from absl import flags
from scipy.misc import imread, imresize, imrotate, imsave, toimage
from scipy.misc.pilutil import bytescale
from scipy.sparse.csr import csr_matrix
from scipy.sparse.linalg.eigen.arpack import eigsh
from sklearn.cross_validation import train_test_split
from sklearn.externals import joblib
import scipy, scipy.misc
import pandas as pd

assert (csr_matrix, eigsh, train_test_split) == ("csr_matrix", "eigsh", "train_test_split") and joblib.dump == "dump"
assert scipy.interp(1.5, [1, 2], [3, 4]) == 3.5 and scipy.misc.comb == "comb" and scipy.zeros(1) == [0]
assert pd.np is np and pd.DataFrame().as_matrix() == "values" and pd.DataFrame().iteritems() == "items"
assert yaml.load("text") == ("text", "full") and yaml.load("text", Loader="safe") == ("text", "safe")
for name in ("simps", "no_such_name"):
    assert not hasattr(scipy.misc, name)
values = flags.FlagValues()
flags.DEFINE_enum("kind", "keras", "keras', 'graph", "help", flag_values=values)
flags.DEFINE_enum("list", "a", ["a", "b"], "help", flag_values=values)
values(["program", "--kind=graph", "--list=b"])
assert (values.kind, values.list) == ("graph", "b")
for name, value in (("kind", "other"), ("list", "c")):
    try:
        values(["program", f"--{name}={value}"])
    except flags.IllegalFlagValueError:
        pass
    else:
        raise AssertionError(name)

def sums(image):
    return image.shape, str(image.dtype), int(image.sum())
random = np.random.RandomState(0)
pixels = random.randint(0, 256, (20, 30, 3)).astype(np.uint8)
floats = random.rand(20, 30, 3).astype(np.float32) * 2 - 1
gray = random.rand(20, 30)
assert sums(imresize(pixels, (10, 15), "nearest")) == ((10, 15, 3), "uint8", 56508)
assert sums(imresize(pixels, (40, 61))) == ((40, 61, 3), "uint8", 919178)
assert sums(imresize(floats, 50, "bicubic")) == ((10, 15, 3), "uint8", 58576)
assert sums(imresize(gray, 0.3, "lanczos")) == ((6, 9), "uint8", 6788)
assert sums(imresize(gray, (5, 5), mode="F")) == ((5, 5), "float32", 12)
assert sums(imrotate(pixels, 30)) == ((20, 30, 3), "uint8", 186436)
assert sums(bytescale(floats, cmin=-0.5, cmax=0.5)) == ((20, 30, 3), "uint8", 235824)
assert sums(bytescale(gray, high=200, low=20)) == ((20, 30), "uint8", 65411)
path = os.path.join(tempfile.mkdtemp(), "a.png")
imsave(path, floats)
assert (imread(path) == bytescale(floats)).all() and imread(path, flatten=True).dtype == np.float32
assert imread(path, mode="L").shape == (20, 30) and toimage(gray, mode="F").mode == "F"
assert (np.array(toimage(pixels.transpose(2, 0, 1))) == pixels).all()

import old_pb2

message = old_pb2.Old(values={"a": 3}, kind=old_pb2.SECOND)
assert message.SerializeToString() == b"\\n\\x05\\n\\x01a\\x10\\x03\\x10\\x01" and message.values["a"] == 3
assert old_pb2.Old.FromString(message.SerializeToString()) == message and old_pb2.Kind.Name(1) == "SECOND"
"""
EVERY_ROW = """
import pkgutil

from cnn_estimator.tf1 import old_names

for name in [*old_names.served(), *old_names.changed()]:
    if not name.startswith(("scipy", "sklearn", "pandas")):
        pkgutil.resolve_name(name)
"""
# A file as protobuf's compiler of 2019 wrote it.
OLD_PB2 = """
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from google.protobuf import reflection as _reflection

DESCRIPTOR = _descriptor.FileDescriptor(
    name="old.proto", package="old", syntax="proto3", serialized_options=None, serialized_pb={content!r}
)
_OLD = _descriptor.Descriptor(
    name="Old", full_name="old.Old", filename=None, file=DESCRIPTOR, containing_type=None, extensions=[],
    fields=[
        _descriptor.FieldDescriptor(
            name="kind", full_name="old.Old.kind", index=1, number=2, type=14, cpp_type=8, label=1,
            has_default_value=False, default_value=0, message_type=None, enum_type=None, containing_type=None,
            is_extension=False, extension_scope=None, serialized_options=None, file=DESCRIPTOR
        )
    ],
)
Old = _reflection.GeneratedProtocolMessageType("Old", (_message.Message,), {{"DESCRIPTOR": _OLD}})
"""
STAND_INS = {
    "joblib.py": "dump = 'dump'",
    "pandas.py": """
class Series:
    values = "values"
    def items(self):
        return "items"
class DataFrame(Series):
    pass
""",
    "scipy/__init__.py": "",
    "scipy/sparse/__init__.py": "csr_matrix = 'csr_matrix'",
    "scipy/sparse/linalg/__init__.py": "eigsh = 'eigsh'",
    "scipy/sparse/linalg/eigen.py": "",
    "scipy/special.py": "comb = 'comb'",
    "sklearn/__init__.py": "",
    "sklearn/externals/__init__.py": "",
    "sklearn/model_selection.py": "train_test_split = 'train_test_split'",
    "yaml.py": "FullLoader = 'full'\ndef load(stream, Loader): return stream, Loader\nload_all = load",
}


def _old_pb2():
    """Returns the text of a _pb2.py file with a message, a map and an enumeration."""
    proto = descriptor_pb2.FileDescriptorProto(name="old.proto", package="old", syntax="proto3")
    proto.enum_type.add(name="Kind", value=[{"name": "FIRST", "number": 0}, {"name": "SECOND", "number": 1}])
    old = proto.message_type.add(name="Old")
    old.field.add(name="values", number=1, label=3, type=11, type_name=".old.Old.ValuesEntry", json_name="values")
    old.field.add(name="kind", number=2, label=1, type=14, type_name=".old.Kind", json_name="kind")
    entry = old.nested_type.add(name="ValuesEntry", options={"map_entry": True})
    entry.field.add(name="key", number=1, label=1, type=9, json_name="key")
    entry.field.add(name="value", number=2, label=1, type=3, json_name="value")
    return OLD_PB2.format(content=proto.SerializeToString())


@pytest.mark.process
def test_a_program_finds_the_old_names(tmp_path: pathlib.Path):
    programs = {"of_python": PYTHON, "of_numpy": NUMPY, "of_libraries": LIBRARIES, "every_row": EVERY_ROW}
    files = STAND_INS | {f"{name}.py": text for name, text in programs.items()}
    files |= {"old_pb2.py": _old_pb2(), "program.py": "\n".join(f"import {name}" for name in programs)}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    done = run("-m", "cnn_estimator", "run", "program.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.unit
def test_the_bridge_without_run_restores_no_name():
    absent = ((np, "int"), (collections, "Iterable"), (inspect, "getargspec"))
    assert not [name for owner, name in absent if hasattr(owner, name)]
    assert inspect.isbuiltin(np.array)
    assert not inspect.isfunction(np.ndarray.__float__)


@pytest.mark.unit
def test_the_tables_say_what_is_served():
    assert old_names.served()["numpy.int"] == "is int"
    assert old_names.served()["xml.etree.cElementTree"] == "is xml.etree.ElementTree"
    assert old_names.served()["scipy.misc.imread"] == "Returns the pixels of an image file."
    assert old_names.served()["imp.PY_SOURCE"] == "is 1"
    assert old_names.changed()["numpy.fromstring"] == "Without sep, the bytes of the string are the array's elements."
    assert "scipy<1.11" in old_names.NOT_SERVED["scipy.integrate.simps"]
    assert not old_names.served().keys() & old_names.NOT_SERVED.keys()
    assert all({**old_names.served(), **old_names.changed(), **old_names.NOT_SERVED}.values())
