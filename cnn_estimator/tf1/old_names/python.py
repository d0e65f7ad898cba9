"""What Python's library has removed since Python 3.7, the last release with a TensorFlow 1.15."""

import functools
import html
import importlib.machinery
import importlib.util
import inspect
import os
import sys
import time
import types
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import IO, Any, NamedTuple

import numpy as np

_ABSTRACT_CLASSES = (
    "AsyncGenerator AsyncIterable AsyncIterator Awaitable ByteString Callable Collection Container Coroutine Generator "
    "Hashable ItemsView Iterable Iterator KeysView Mapping MappingView MutableMapping MutableSequence MutableSet "
    "Reversible Sequence Set Sized ValuesView"
)
_ASSERTIONS = {
    "assertAlmostEquals": "assertAlmostEqual",
    "assertEquals": "assertEqual",
    "assertItemsEqual": "assertCountEqual",
    "assertNotAlmostEquals": "assertNotAlmostEqual",
    "assertNotEquals": "assertNotEqual",
    "assertNotRegexpMatches": "assertNotRegex",
    "assertRaisesRegexp": "assertRaisesRegex",
    "assertRegexpMatches": "assertRegex",
    "assert_": "assertTrue",
    "failIf": "assertFalse",
    "failIfAlmostEqual": "assertNotAlmostEqual",
    "failIfEqual": "assertNotEqual",
    "failUnless": "assertTrue",
    "failUnlessAlmostEqual": "assertAlmostEqual",
    "failUnlessEqual": "assertEqual",
    "failUnlessRaises": "assertRaises",
}

# {module:old name: what it is now}. A name that starts with a dot is defined below.
NAMES = {
    **{f"collections:{name}": f"collections.abc.{name}" for name in _ABSTRACT_CLASSES.split()},
    **{f"unittest:TestCase.{old}": f"unittest.TestCase.{new}" for old, new in _ASSERTIONS.items()},
    "array:array.fromstring": "array.array.frombytes",
    "array:array.tostring": "array.array.tobytes",
    "base64:decodestring": "base64.decodebytes",
    "base64:encodestring": "base64.encodebytes",
    "cgi:escape": ".escape",
    "cgi:parse_qs": "urllib.parse.parse_qs",
    "cgi:parse_qsl": "urllib.parse.parse_qsl",
    "configparser:RawConfigParser.readfp": ".readfp",
    "configparser:SafeConfigParser": "configparser.ConfigParser",
    "fractions:gcd": ".gcd",
    "html.parser:HTMLParser.unescape": ".unescape",
    "imghdr:what": ".image_format",
    "imp:C_EXTENSION": ".C_EXTENSION",
    "imp:PKG_DIRECTORY": ".PKG_DIRECTORY",
    "imp:PY_COMPILED": ".PY_COMPILED",
    "imp:PY_SOURCE": ".PY_SOURCE",
    "imp:acquire_lock": "_imp.acquire_lock",
    "imp:find_module": ".find_module",
    "imp:load_module": ".load_module",
    "imp:load_source": ".load_source",
    "imp:lock_held": "_imp.lock_held",
    "imp:new_module": "types.ModuleType",
    "imp:release_lock": "_imp.release_lock",
    "imp:reload": "importlib.reload",
    "importlib:find_loader": ".find_loader",
    "inspect:ArgSpec": ".ArgSpec",
    "inspect:formatargspec": ".formatargspec",
    "inspect:getargspec": ".getargspec",
    "locale:format": "locale.format_string",
    "os:errno": "errno",
    "pipes:quote": "shlex.quote",
    "threading:Thread.isAlive": "threading.Thread.is_alive",
    "time:clock": ".clock",
    "unittest:TestCase.assertDictContainsSubset": ".assert_dict_contains_subset",
    "unittest:makeSuite": ".make_suite",
    "xml.etree.ElementTree:Element.getchildren": ".children",
    "xml.etree.ElementTree:Element.getiterator": "xml.etree.ElementTree.Element.iter",
    "xml.etree.ElementTree:ElementTree.getiterator": ".elements",
}
# {module that has moved: module it is now}.
MODULES = {"distutils": "setuptools._distutils", "xml.etree.cElementTree": "xml.etree.ElementTree"}
REMOVED_MODULES = ("cgi", "imghdr", "imp", "pipes")
# {module:name that Python still has: function below that returns it with its old behaviour}.
CHANGED = {
    "json:load": ".without_encoding",
    "json:loads": ".without_encoding",
    "random:Random.randrange": ".whole_numbers",
    "random:Random.sample": ".sample_of_set",
    "random:Random.seed": ".seed_of_numpy",
    "random:Random.shuffle": ".shuffle_by_function",
    "random:randrange": ".whole_numbers",
    "random:sample": ".sample_of_set",
    "random:seed": ".seed_of_numpy",
    "random:shuffle": ".shuffle_by_function",
}
_BACKPORTS = "aifc asynchat asyncore cgitb chunk crypt mailcap nntplib smtpd sndhdr sunau telnetlib uu xdrlib"
NOT_SERVED = {
    **{name: f"install the package standard-{name}, or use Python<3.12" for name in _BACKPORTS.split()},
    "asyncio.coroutine": "use async def, or Python<3.11",
    "audioop": "install the package audioop-lts, or use Python<3.13",
    "cgi.FieldStorage": "install the package legacy-cgi, or use Python<3.13",
    "dummy_threading": "use threading",
    "formatter": "use Python<3.10",
    "imp.get_suffixes": "use importlib.machinery, or Python<3.12",
    "lib2to3": "use Python<3.13",
    "parser": "use ast, or Python<3.10",
    "pkgutil.ImpImporter": "use a newer release of the package that needs it, or Python<3.12",
    "platform.dist": "use the package distro",
    "platform.linux_distribution": "use the package distro",
    "plistlib.readPlist": "use plistlib.load, or Python<3.9",
    "plistlib.writePlist": "use plistlib.dump, or Python<3.9",
    "ssl.match_hostname": "use ssl.SSLContext, or Python<3.12",
    "ssl.wrap_socket": "use ssl.SSLContext.wrap_socket, or Python<3.12",
    "symbol": "use ast, or Python<3.10",
    "sys.setcheckinterval": "use sys.setswitchinterval, or Python<3.9",
}

PY_SOURCE = 1
PY_COMPILED = 2
C_EXTENSION = 3
PKG_DIRECTORY = 5
_LOADERS: list[tuple[int, str, Sequence[str], Callable[..., Any]]] = [
    (C_EXTENSION, "rb", importlib.machinery.EXTENSION_SUFFIXES, importlib.machinery.ExtensionFileLoader),
    (PY_SOURCE, "r", importlib.machinery.SOURCE_SUFFIXES, importlib.machinery.SourceFileLoader),
    (PY_COMPILED, "rb", importlib.machinery.BYTECODE_SUFFIXES, importlib.machinery.SourcelessFileLoader),
]
clock = time.process_time if os.name == "posix" else time.perf_counter


class ArgSpec(NamedTuple):
    """The parameters of a function."""

    args: list[str]
    varargs: str | None
    keywords: str | None
    defaults: tuple[Any, ...] | None


def getargspec(func: Callable[..., Any]) -> ArgSpec:
    """Returns the parameters of a function as an ArgSpec.

    Raises:
      ValueError: the function has annotations or parameters that are keywords only.
    """
    spec = inspect.getfullargspec(func)
    if spec.kwonlyargs or spec.annotations:
        raise ValueError("the function has keyword-only parameters or annotations: use inspect.getfullargspec")
    return ArgSpec(spec.args, spec.varargs, spec.varkw, spec.defaults)


def formatargspec(
    args: Sequence[str],
    varargs: str | None = None,
    varkw: str | None = None,
    defaults: Sequence[Any] | None = None,
    kwonlyargs: Sequence[str] = (),
    kwonlydefaults: Mapping[str, Any] | None = None,
    annotations: Mapping[str, Any] | None = None,
    formatarg: Callable[[str], str] = str,
    formatvarargs: Callable[[str], str] = "*{}".format,
    formatvarkw: Callable[[str], str] = "**{}".format,
    formatvalue: Callable[[Any], str] = "={!r}".format,
    formatreturns: Callable[[str], str] = " -> {}".format,
    formatannotation: Callable[[Any], str] = inspect.formatannotation,
) -> str:
    """Returns the parameters in parentheses, as a function's definition has them."""
    types_of = annotations or {}
    first_default = len(args) - len(defaults or ())
    values = dict(zip(args[first_default:], defaults or (), strict=True)) | dict(kwonlydefaults or {})

    def parameter(name: str) -> str:
        text = formatarg(name)
        return f"{text}: {formatannotation(types_of[name])}" if name in types_of else text

    def with_value(name: str) -> str:
        return parameter(name) + (formatvalue(values[name]) if name in values else "")

    parts = [with_value(name) for name in args]
    if varargs is not None:
        parts.append(formatvarargs(parameter(varargs)))
    elif kwonlyargs:
        parts.append("*")
    parts += [with_value(name) for name in kwonlyargs]
    if varkw is not None:
        parts.append(formatvarkw(parameter(varkw)))
    returns = formatreturns(formatannotation(types_of["return"])) if "return" in types_of else ""
    return f"({', '.join(parts)}){returns}"


def gcd(a: Any, b: Any) -> Any:
    """Returns the greatest common divisor, with the sign of b."""
    while b:
        a, b = b, a % b
    return a


def escape(s: str, quote: bool | None = None) -> str:
    """Returns the text with &, < and >, and with quote also double quotes, as HTML writes them."""
    escaped = html.escape(s, quote=False)
    return escaped.replace('"', "&quot;") if quote else escaped


def unescape(self: Any, s: str) -> str:
    """Returns html.unescape(s)."""
    return html.unescape(s)


def readfp(self: Any, fp: Iterable[str], filename: str | None = None) -> None:
    """Calls read_file."""
    self.read_file(fp, filename)


def children(self: Any) -> list[Any]:
    """Returns the list of an element's children."""
    return list(self)


def elements(self: Any, tag: str | None = None) -> list[Any]:
    """Returns the list of all elements, or of the elements with a tag."""
    return list(self.iter(tag))


def assert_dict_contains_subset(
    self: Any, subset: Mapping[Any, Any], dictionary: Mapping[Any, Any], msg: object = None
) -> None:
    """Fails unless a dictionary has all keys of another one, with equal values."""
    if {**dictionary, **subset} != dictionary:
        self.fail(msg or f"{dictionary!r} does not contain {subset!r}")


def make_suite(testCaseClass: Any, prefix: str = "test", sortUsing: Any = None, suiteClass: Any = None) -> Any:
    """Returns the suite of a class's tests, the methods with a prefix."""
    import unittest

    loader = unittest.TestLoader()
    loader.testMethodPrefix = prefix
    loader.sortTestMethodsUsing = sortUsing or loader.sortTestMethodsUsing
    loader.suiteClass = suiteClass or loader.suiteClass
    return loader.loadTestsFromTestCase(testCaseClass)


def find_loader(name: str, path: Sequence[str] | None = None) -> Any:
    """Returns the loader of a module, or None."""
    spec = importlib.machinery.PathFinder.find_spec(name, path) if path else importlib.util.find_spec(name)
    return spec and spec.loader


def load_source(name: str, pathname: str, file: object = None) -> types.ModuleType:
    """Returns the module of a file. A module of this name that is loaded already is executed again."""
    return _load(name, pathname, importlib.machinery.SourceFileLoader)


def find_module(name: str, path: Sequence[str] | None = None) -> tuple[IO[Any] | None, str, tuple[str, str, int]]:
    """Returns (open file, its path, (suffix, mode, kind)) of a module in a list of folders, by default in sys.path.

    Raises:
      ImportError: no folder has the module.
    """
    for folder in sys.path if path is None else path:
        package = os.path.join(folder, name)
        if os.path.isfile(os.path.join(package, "__init__.py")):
            return None, package, ("", "", PKG_DIRECTORY)
        for kind, mode, suffixes, _ in _LOADERS:
            for suffix in suffixes:
                if os.path.isfile(package + suffix):
                    encoding = "utf-8" if mode == "r" else None
                    return open(package + suffix, mode, encoding=encoding), package + suffix, (suffix, mode, kind)
    raise ImportError(f"No module named {name!r}", name=name)


def load_module(name: str, file: object, filename: str, details: tuple[str, str, int]) -> types.ModuleType:
    """Returns the module that find_module has found."""
    if details[2] == PKG_DIRECTORY:
        return _load(name, os.path.join(filename, "__init__.py"), importlib.machinery.SourceFileLoader)
    (loader,) = [loader for kind, _, _, loader in _LOADERS if kind == details[2]]
    return _load(name, filename, loader)


def _load(name: str, path: str, loader: Callable[..., Any]) -> types.ModuleType:
    """Executes a file as the module of a name."""
    spec = importlib.util.spec_from_file_location(name, path, loader=loader(name, path))
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a module", name=name, path=path)
    module = sys.modules.get(name) or importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def image_format(file: Any, h: bytes | None = None) -> str | None:
    """Returns the format of an image file, such as "jpeg", or None for other files."""
    if h is None and hasattr(file, "read"):
        position = file.tell()
        h = file.read(32)
        file.seek(position)
    elif h is None:
        with open(file, "rb") as stream:
            h = stream.read(32)
    return next((name for name, test in _IMAGE_FORMATS.items() if test(h)), None)


def _netpbm(kinds: bytes) -> Callable[[bytes], bool]:
    return lambda h: h[:1] == b"P" and h[1:2] in (kinds[:1], kinds[1:]) and h[2:3] in (b" ", b"\t", b"\n", b"\r")


_IMAGE_FORMATS: dict[str, Callable[[bytes], bool]] = {
    "jpeg": lambda h: h[6:10] in (b"JFIF", b"Exif"),
    "png": lambda h: h.startswith(b"\211PNG\r\n\032\n"),
    "gif": lambda h: h[:6] in (b"GIF87a", b"GIF89a"),
    "tiff": lambda h: h[:2] in (b"MM", b"II"),
    "rgb": lambda h: h.startswith(b"\001\332"),
    "pbm": _netpbm(b"14"),
    "pgm": _netpbm(b"25"),
    "ppm": _netpbm(b"36"),
    "rast": lambda h: h.startswith(b"\x59\xa6\x6a\x95"),
    "xbm": lambda h: h.startswith(b"#define "),
    "bmp": lambda h: h.startswith(b"BM"),
    "webp": lambda h: h.startswith(b"RIFF") and h[8:12] == b"WEBP",
    "exr": lambda h: h.startswith(b"\x76\x2f\x31\x01"),
}


def without_encoding(original: Callable[..., Any]) -> Callable[..., Any]:
    """Takes an encoding, and ignores it."""

    @functools.wraps(original)
    def load(*arguments: Any, encoding: str | None = None, **keywords: Any) -> Any:
        return original(*arguments, **keywords)

    return load


def whole_numbers(original: Callable[..., Any]) -> Callable[..., Any]:
    """Takes whole numbers such as 10.0, and so does randint."""
    return _again_with(lambda value: int(value) if getattr(value, "is_integer", bool)() else value, original)


def sample_of_set(original: Callable[..., Any]) -> Callable[..., Any]:
    """Takes a set too."""
    return _again_with(lambda value: tuple(value) if isinstance(value, Set) else value, original)


def seed_of_numpy(original: Callable[..., Any]) -> Callable[..., Any]:
    """Takes numbers of NumPy too."""
    return _again_with(lambda value: hash(value) % 2**64 if isinstance(value, np.number) else value, original)


def _again_with(convert: Callable[[Any], Any], original: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function that calls the original, and after a TypeError calls it again with converted arguments."""

    @functools.wraps(original)
    def call(*arguments: Any, **keywords: Any) -> Any:
        try:
            return original(*arguments, **keywords)
        except TypeError:
            converted = [convert(value) for value in arguments]
            if all(new is old for new, old in zip(converted, arguments, strict=True)):
                raise
        return original(*converted, **keywords)

    return call


def shuffle_by_function(original: Callable[..., Any]) -> Callable[..., Any]:
    """Takes a function that returns the random numbers."""

    @functools.wraps(original)
    def shuffle(*arguments: Any, random: Callable[[], float] | None = None, **keywords: Any) -> None:
        if arguments and callable(arguments[-1]):
            *arguments, random = arguments  # type: ignore[assignment]
        if random is None:
            return original(*arguments, **keywords)
        values = arguments[-1]
        for i in reversed(range(1, len(values))):
            j = int(random() * (i + 1))
            values[i], values[j] = values[j], values[i]

    return shuffle
