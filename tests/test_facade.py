"""import cnn_estimator: the public functions, and no TensorFlow before one of them is used."""

import dataclasses
import importlib
import importlib.metadata
import inspect
import re
import subprocess
import sys

import pytest
from helpers import REPOSITORY

import cnn_estimator
from cnn_estimator import training
from cnn_estimator.data import datasets
from cnn_estimator.settings import (
    RULES,
    SETTING_OPTIONS,
    TRAIN_OPTIONS,
    Choice,
    Integer,
    Number,
    Path,
    Switch,
    TrainOptions,
)

PUBLIC = [
    "Explainer",
    "Predictor",
    "evaluate",
    "explain_images",
    "export",
    "find_learning_rate",
    "load",
    "predict",
    "reproduce",
    "train",
]


@pytest.mark.unit
def test_the_public_names_are_listed():
    assert sorted(cnn_estimator.__all__) == sorted([*PUBLIC, "__version__"])
    assert {*PUBLIC} <= {*dir(cnn_estimator)}
    assert cnn_estimator.load is datasets.load
    with pytest.raises(AttributeError, match="module 'cnn_estimator' has no attribute 'trian'"):
        cnn_estimator.trian  # noqa: B018


@pytest.mark.unit
def test_the_version_is_the_one_that_is_installed():
    assert f'version="{cnn_estimator.__version__}"' in (REPOSITORY / "setup.py").read_text()


@pytest.mark.process
def test_importing_the_package_loads_neither_tensorflow_nor_numpy():
    code = "import sys, cnn_estimator; print({'tensorflow', 'numpy', 'absl', 'tabulate'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.integration
def test_every_public_name_is_a_function_or_a_class_also_after_the_modules_are_imported():
    for name in PUBLIC:
        public = getattr(cnn_estimator, name)
        assert callable(public)
        importlib.import_module(public.__module__)
        assert getattr(cnn_estimator, name) is public


@pytest.mark.integration
def test_former_module_names_work_with_a_warning():
    with pytest.warns(DeprecationWarning, match=r"^cnn_estimator\.reproduce is cnn_estimator\.reproduction now$"):
        from cnn_estimator.reproduce import reproduce
    with pytest.warns(DeprecationWarning, match=r"^cnn_estimator\.datasets is cnn_estimator\.data\.datasets now$"):
        from cnn_estimator.datasets import load
    from cnn_estimator import event_files

    with pytest.warns(DeprecationWarning, match=r"run_dir\.events now"):
        assert callable(event_files.curves)
    assert (reproduce, load) == (cnn_estimator.reproduce, cnn_estimator.load)


@pytest.mark.integration
def test_train_has_every_declared_option_with_its_default():
    defaults = {field.name: field.default for field in dataclasses.fields(TrainOptions) if field.name != "overrides"}
    defaults |= {"log_tensors": None} | dict.fromkeys(SETTING_OPTIONS)
    parameters = inspect.signature(cnn_estimator.train).parameters
    signature = {name: parameter.default for name, parameter in parameters.items() if name != "model_dir"}
    assert signature == defaults
    arguments = inspect.getdoc(cnn_estimator.train).partition("Args:")[2].partition("Returns:")[0]
    assert {*defaults, "model_dir"} <= {*re.findall(r"\w+", arguments)}


def other_value(name):
    """Returns a value of an option that is not its default."""
    rule = RULES[name]
    if isinstance(rule, Choice):
        return rule.names[-1]
    if isinstance(rule, Integer):
        return rule.min + 1
    if isinstance(rule, Number):
        return min(max(0.5, rule.min), rule.max)
    if isinstance(rule, Path):
        return "/tmp"
    return True if isinstance(rule, Switch) else {"label": "name"}


@pytest.mark.integration
@pytest.mark.parametrize("name", [*TRAIN_OPTIONS, *SETTING_OPTIONS])
def test_train_passes_on_every_option(monkeypatch, tmp_path, name):
    class Passed(Exception):
        pass

    def choose_placement(options):
        raise Passed(options)

    monkeypatch.setattr(training, "choose_placement", choose_placement)
    value = other_value(name)
    needed = {"eval_every": 5} if name in ("eval_on_test", "keep_best", "early_stopping") else {}
    with pytest.raises(Passed) as caught:
        cnn_estimator.train(tmp_path, **{**needed, name: value})
    (options,) = caught.value.args
    assert (options.overrides[name] if name in SETTING_OPTIONS else getattr(options, name)) == value
