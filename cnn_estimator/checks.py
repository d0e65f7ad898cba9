"""The values that something can be trained with, for flags and settings files alike. Imports no TensorFlow.

Each function raises ValueError with what is wrong, to be put behind the value's name.
"""

import difflib

MOST_STEPS = 10**9  # a year and a half at 20 steps a second
MOST_IMAGES = 60_000  # a batch of the whole training set
MOST_CHECKPOINTS = 10**6
MOST_DRAWN = 400  # images in one picture
MOST_CHARACTERS = 40  # of a class name; pictures show the beginning and the end of a long one
LARGEST_SEED = 2**31 - 1  # TensorFlow takes a graph's seed modulo this

INVERT = ("yes", "no", "auto")  # whether a picture's bright becomes dark
EXPORT_FORMATS = ("saved_model", "tflite", "keras", "onnx")

_FLOAT32_SMALLEST, _FLOAT32_LARGEST = 2.0**-126, (2 - 2.0**-23) * 2.0**127


def whole_number(value, least, most):
    """Refuses what is no int from `least` to `most`."""
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"not a whole number from {least} to {most}")


def learning_rate(value):
    """Refuses what is no number above 0, or one that float32, in which networks are trained, cannot hold."""
    if type(value) not in (int, float) or not _FLOAT32_SMALLEST <= value <= _FLOAT32_LARGEST:
        raise ValueError(f"not a number from {_FLOAT32_SMALLEST:.2g} to {_FLOAT32_LARGEST:.2g}, try 0.001")


def name(value, names):
    """Refuses what is none of the names."""
    if type(value) is not str or value not in names:
        nearest = difflib.get_close_matches(str(value), names, n=1)
        advice = f"did you mean {nearest[0]}?" if nearest else f"choose one of {', '.join(names)}"
        raise ValueError(f"no such name, {advice}")


def path(value):
    """Refuses what cannot be a file's name."""
    if type(value) is not str or not value or "\0" in value:
        raise ValueError("not a path")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("not UTF-8, which TensorFlow needs") from None


def class_names(value):
    """Refuses what is no tuple of ten different names."""
    if type(value) is not tuple or {type(name) for name in value} != {str} or not len(value) == len({*value}) == 10:
        raise ValueError("not the names of ten classes, each another one")
    for name in value:
        if not name.isprintable() or not 1 <= len(name) <= MOST_CHARACTERS:
            raise ValueError(f"a class name must have 1 to {MOST_CHARACTERS} printable characters")
