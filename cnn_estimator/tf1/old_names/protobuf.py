"""Loads _pb2.py files that a protobuf compiler before 3.19 made, which today's protobuf refuses."""

import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any


def install() -> None:
    """Makes Python load old _pb2.py files. Modules that other finders find under two names stay one module."""
    sys.meta_path.insert(sys.meta_path.index(importlib.machinery.PathFinder), _Finder())


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the modules whose names end in _pb2."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not fullname.endswith("_pb2"):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Loader(fullname, spec.loader.path)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    """Executes a _pb2.py file. If protobuf refuses it, the messages are made from the description in the file."""

    def exec_module(self, module: ModuleType) -> None:
        try:
            super().exec_module(module)
        except TypeError as error:
            if "Descriptors cannot be created directly" not in str(error):
                raise
            names = vars(module)
            builder: Any = importlib.import_module("google.protobuf.internal.builder")
            builder.BuildMessageAndEnumDescriptors(names["DESCRIPTOR"], names)
            builder.BuildTopDescriptorsAndMessages(names["DESCRIPTOR"], module.__name__, names)
