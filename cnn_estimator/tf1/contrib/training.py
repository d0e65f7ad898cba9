"""tf.contrib.training: HParams, and the training and evaluation loops of tf-slim."""

import importlib
import json
import numbers
import re
from collections.abc import Callable, Mapping

from cnn_estimator.tf1.contrib import _buckets
from cnn_estimator.tf1.contrib._tf_slim import tf_slim
from cnn_estimator.tf1.unavailable import Unavailable, module_getattr

# The attribute tf_slim.training is another module than the package of that name, because of an `import *`.
_evaluation = importlib.import_module(f"{tf_slim.__name__}.training.evaluation")
_training = importlib.import_module(f"{tf_slim.__name__}.training.training")
StopAfterNEvalsHook = _evaluation.StopAfterNEvalsHook
SummaryAtEndHook = _evaluation.SummaryAtEndHook
checkpoints_iterator = _evaluation.checkpoints_iterator
evaluate_once = _evaluation.evaluate_once
evaluate_repeatedly = _evaluation.evaluate_repeatedly
get_or_create_eval_step = _evaluation.get_or_create_eval_step
wait_for_new_checkpoint = _evaluation.wait_for_new_checkpoint
bucket = _buckets.bucket
bucket_by_sequence_length = _buckets.bucket_by_sequence_length
add_gradients_summaries = _training.add_gradients_summaries
clip_gradient_norms = _training.clip_gradient_norms
clip_gradient_norms_fn = _training.clip_gradient_norms_fn
create_train_op = _training.create_train_op
multiply_gradients = _training.multiply_gradients
train = _training.train

_USE_INSTEAD = {
    "rejection_sample": "use tf.data.experimental.rejection_resample",
    "stratified_sample": "use tf.data.experimental.rejection_resample",
    "batch_sequences_with_states": "use tf.data and tf.nn.dynamic_rnn",
}

# One assignment (name=value, name[0]=value or name=[value, value]) and the comma or the end after it.
_ASSIGNMENT = re.compile(
    r"(?P<name>[a-zA-Z][\w.]*)(\[\s*(?P<index>\d+)\s*\])?\s*=\s*((?P<value>[^,\[]*)|\[(?P<items>[^\]]*)\])($|,\s*)"
)
_TRUTHS = {"true": True, "True": True, "1": True, "false": False, "False": False, "0": False}


def _parse_bool(text: str) -> bool:
    if text not in _TRUTHS:
        raise ValueError(f"{text!r} is not a bool")
    return _TRUTHS[text]


def parse_values(values: str, type_map: Mapping[str, Callable], ignore_unknown: bool = False) -> dict[str, object]:
    """Returns {name: value, {index: value} or [values]} for a text such as "a=1,b[2]=3,c=[1,2]".

    Args:
      type_map: the type of each name's value, or of its items.
      ignore_unknown: if True, skip other names.

    Raises:
      ValueError: the text, a name or a value is invalid, or a name is assigned twice.
    """
    parsed: dict = {}
    position = 0
    while position < len(values):
        match = _ASSIGNMENT.match(values, position)
        if match is None:
            raise ValueError(f"malformed hyperparameter value: {values[position:]!r} of {values!r}")
        position = match.end()
        name, index, value, items = (match[group] for group in ("name", "index", "value", "items"))
        if name not in type_map:
            if ignore_unknown:
                continue
            raise ValueError(f"unknown hyperparameter {name!r} in {values!r}")
        parse = _parse_bool if type_map[name] is bool else type_map[name]
        is_indexed = index is not None
        if is_indexed and items is not None:
            raise ValueError(f"{name}[{index}] cannot be a list, in {values!r}")
        place, key = (parsed.setdefault(name, {}), int(index)) if is_indexed else (parsed, name)
        if not isinstance(place, dict) or key in place:
            raise ValueError(f"{name!r} is assigned twice in {values!r}")
        try:
            place[key] = parse(value) if items is None else [parse(item) for item in re.split(r"[,\s]+", items) if item]
        except ValueError as error:
            raise ValueError(f"hyperparameter {name!r} in {values!r} has a bad value: {error}") from error
    return parsed


def _cast(name: str, required: type, value: object) -> object:
    """Returns a value as the required type. Only numbers become floats, and only integers become ints.

    Raises:
      ValueError: the value has another type.
    """
    if (isinstance(value, required) and isinstance(value, bool) is (required is bool)) or required is type(None):
        return value
    fits = {str: str | bytes, int: numbers.Integral, float: numbers.Number}.get(required)
    if isinstance(value, bool) or required is bool or (fits and not isinstance(value, fits)):
        raise ValueError(f"hyperparameter {name!r} has type {required.__name__}, {value!r} does not fit")
    return required(value)


class HParams:
    """Hyperparameters, each with a fixed type: HParams(learning_rate=0.1, layers=[8, 8]).learning_rate."""

    def __init__(self, hparam_def: object = None, model_structure: object = None, **kwargs: object) -> None:
        """model_structure: get_model_structure() returns it. hparam_def, a protocol buffer, is not supported."""
        if hparam_def is not None:
            Unavailable("tf.contrib.training.HParams(hparam_def)", "use HParams.to_json and parse_json")()
        self._hparam_types: dict[str, tuple[type, bool]] = {}
        self._model_structure = model_structure
        for name, value in kwargs.items():
            self.add_hparam(name, value)

    def add_hparam(self, name: str, value: object) -> None:
        """Adds a hyperparameter, with the type of its value. The type of a list or tuple is the type of its first item.

        Raises:
          ValueError: the name is in use, or the list is empty.
        """
        if getattr(self, name, None) is not None:
            raise ValueError(f"hyperparameter name {name!r} is reserved or in use")
        is_list = isinstance(value, list | tuple)
        if is_list and not value:
            raise ValueError(f"hyperparameter {name!r} is an empty list: its type is unknown")
        item = value[0] if isinstance(value, list | tuple) else value
        self._hparam_types[name] = (type(item), is_list)
        setattr(self, name, value)

    def set_hparam(self, name: str, value: object) -> None:
        """Changes a hyperparameter.

        Raises:
          KeyError: the hyperparameter does not exist.
          ValueError: the value has another type. An integer may become a float.
        """
        required, is_list = self._hparam_types[name]
        if isinstance(value, list) is not is_list:
            raise ValueError(f"hyperparameter {name!r} is {'' if is_list else 'not '}a list, {value!r} does not fit")
        if isinstance(value, list):
            setattr(self, name, [_cast(name, required, item) for item in value])
        else:
            setattr(self, name, _cast(name, required, value))

    def del_hparam(self, name: str) -> None:
        """Removes a hyperparameter if it exists."""
        if hasattr(self, name):
            delattr(self, name)
            del self._hparam_types[name]

    def parse(self, values: str) -> "HParams":
        """Sets the values of a text such as "a=1,b=[1,2]". Raises the errors of parse_values(). Returns this object."""
        types = {name: required for name, (required, _) in self._hparam_types.items()}
        return self.override_from_dict(parse_values(values, types))

    def override_from_dict(self, values_dict: dict[str, object]) -> "HParams":
        """Sets the values of a dict. Raises the errors of set_hparam(). Returns this object."""
        for name, value in values_dict.items():
            self.set_hparam(name, value)
        return self

    set_from_map = override_from_dict

    def parse_json(self, values_json: str) -> "HParams":
        """Sets the values of a JSON object. Returns this object."""
        return self.override_from_dict(json.loads(values_json))

    def to_json(
        self, indent: int | None = None, separators: tuple[str, str] | None = None, sort_keys: bool = False
    ) -> str:
        """Returns all values as a JSON object."""
        return json.dumps(self.values(), indent=indent, separators=separators, sort_keys=sort_keys)

    def values(self) -> dict[str, object]:
        """Returns {name: value}."""
        return {name: getattr(self, name) for name in self._hparam_types}

    def get(self, key: str, default: object = None) -> object:
        """Returns the value of a hyperparameter, or the default if the hyperparameter does not exist.

        Raises:
          ValueError: the default has another type than the hyperparameter.
        """
        if key not in self._hparam_types:
            return default
        if default is not None:
            required, is_list = self._hparam_types[key]
            if isinstance(default, list) is not is_list:
                raise ValueError(f"hyperparameter {key!r} and its default {default!r}: only one is a list")
            for item in default if isinstance(default, list) else [default]:
                _cast(key, required, item)
        return getattr(self, key)

    def set_model_structure(self, model_structure: object) -> None:
        self._model_structure = model_structure

    def get_model_structure(self) -> object:
        return self._model_structure

    def __contains__(self, key: str) -> bool:
        return key in self._hparam_types

    def __str__(self) -> str:
        return ",".join(f"{name}={value}" for name, value in sorted(self.values().items()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({sorted(self.values().items())})"


__getattr__ = module_getattr(
    "tf.contrib.training",
    (),
    "use tf.data and tf.estimator",
    _USE_INSTEAD,
    "FeedingQueueRunner GreedyLoadBalancingStrategy NextQueuedSequenceBatch RandomStrategy SequenceQueueingStateSaver "
    "byte_size_load_fn resample_at_rate weighted_resample",
)
