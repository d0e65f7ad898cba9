"""Runs programs in one process, which imports TensorFlow once: python tests/one_after_another.py FILE ...

After what a program prints comes a line with a form feed.
"""

import os
import runpy
import sys

for path in sys.argv[1:]:
    sys.argv = [path]
    sys.path[0] = os.path.dirname(path)
    runpy.run_path(path, run_name="__main__")
    print("\f", flush=True)
