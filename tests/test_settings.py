"""Options and settings: their rules, their defaults, and how they are written."""

import dataclasses
import os
import pathlib
import re

import numpy as np
import pytest

from cnn_estimator.data.datasets import DATASETS, SPLITS
from cnn_estimator.errors import UserError
from cnn_estimator.settings import (
    HELP,
    RULES,
    SETTING_OPTIONS,
    TRAIN_OPTIONS,
    Choice,
    ClassNames,
    Integer,
    Number,
    Path,
    Tensors,
    TrainOptions,
    check,
    make_settings,
)

pytestmark = pytest.mark.unit

NAMES = tuple("abcdefghij")


def settings(recipe="fashion_cnn", **values):
    return make_settings(recipe, **{"seed": 1, "threads": 2, "class_names": NAMES} | values)


def test_settings_are_the_recipe_with_its_overrides():
    plain = settings("fashion_ladder_1", learning_rate=None)
    assert (plain.dataset, plain.network) == ("fashion_mnist", "two_conv")
    assert (plain.optimizer, plain.learning_rate, plain.batch_size) == ("sgd", 0.001, 100)
    assert (plain.precision, plain.schedule_steps, plain.validation, plain.data_dir) == ("float32", None, 0, None)
    assert plain.overrides() == {}
    changed = settings("fashion_ladder_1", optimizer="momentum", batch_size=7, data_dir="data")
    assert changed == dataclasses.replace(plain, optimizer="momentum", batch_size=7, data_dir=os.path.abspath("data"))
    assert changed.overrides() == {"optimizer": "momentum", "batch_size": 7}


def test_the_log_line_names_what_is_not_plain_and_what_differs_from_the_recipe():
    assert str(settings("fashion_dense", learning_rate=0.5)) == (
        "recipe fashion_dense with learning_rate=0.5: network dense_128, optimizer adam, learning_rate 0.5, "
        "batch_size 32, seed 1, threads 2"
    )
    assert str(settings(schedule="cosine", warmup_steps=5, precision="bfloat16", validation=50)) == (
        "recipe fashion_cnn with schedule=cosine, warmup_steps=5: network three_conv_dropout, optimizer adam, "
        "learning_rate 0.001, batch_size 100, schedule cosine, warmup_steps 5, seed 1, threads 2, precision bfloat16, "
        "schedule_steps 1500, validation 50"
    )


def test_every_option_of_train_is_declared_with_a_rule_and_a_help_text():
    """So that flags, checks and the Python function follow from the declaration."""
    assert {"optimizer", "seed", "data_dir"} <= {*SETTING_OPTIONS}
    assert {"steps", "fresh", "log_tensors", "cluster_timeout"} <= {*TRAIN_OPTIONS}
    for name in (*SETTING_OPTIONS, *TRAIN_OPTIONS):
        assert HELP[name].endswith(".")
        assert RULES[name].syntax


def test_the_datasets_that_an_option_may_name_are_those_that_are_declared():
    assert RULES["dataset"].names == tuple(DATASETS)
    assert RULES["split"].names == tuple(SPLITS)


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        (Integer(0, 9), np.uint8(3), 3),
        (Number(0, 9), np.float32(0.5), 0.5),
        (Number(0, 9), 3, 3.0),
        (Path(), pathlib.PurePosixPath("/a/b:c"), "/a/b:c"),
        (Path(), "C:/a//b://c", "C:/a//b://c"),
        (ClassNames(), list(NAMES), NAMES),
        (Tensors(), {"p": "softmax_tensor"}, {"p": "softmax_tensor"}),
    ],
)
def test_a_rule_returns_the_value_as_this_package_uses_it(rule, value, expected):
    found = rule.check(value)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        (Choice(("a", "b")), "b", "b"),
        (Integer(0, 9), "7", 7),
        (Number(0, 9), "7", 7.0),
        (Path(), "~/a", os.path.expanduser("~/a")),
        (Tensors(), "a=x,b=y", {"a": "x", "b": "y"}),
    ],
)
def test_a_rule_reads_a_value_from_a_command_line(rule, text, expected):
    assert rule.read(text) == expected


@pytest.mark.parametrize(
    ("rule", "text", "problem"),
    [
        (Choice(("adam", "sgd")), "adan", "no such name, did you mean adam?"),
        (Choice(("adam", "sgd")), "lion", "no such name, choose one of adam, sgd"),
        (Integer(1, 9), "1.5", "not an integer from 1 to 9"),
        (Integer(1, 9), "0", "not an integer from 1 to 9"),
        (Integer(1, 9), "10", "not an integer from 1 to 9"),
        (Number(0, 1), "nan", "not a number from 0 to 1"),
        (Number(0, 1), "-0.1", "not a number from 0 to 1"),
        (Number(0, 1), "fast", "not a number from 0 to 1"),
        (Path(), "", "not a path"),
        (Path(), "a\0b", "not a path"),
        (Path(), "caf\udce9", "not UTF-8, which TensorFlow needs"),
        (Path(), "gs://a/b", "paths that begin with gs:// are not supported, name a local one"),
        (Path(suffix=".png"), "a.jpg", "name it NAME.png"),
        (Path(folder=True), __file__, "a file, name a folder"),
        (Tensors(), "a", "'a' is not LABEL=TENSOR: try probabilities=softmax_tensor"),
        (Tensors(), "loss=x", "the line has a 'loss' already, choose another label"),
        (Tensors(), "a=x,a=y", "the line has a 'a' already, choose another label"),
    ],
)
def test_a_rule_says_what_is_wrong_with_a_text(rule, text, problem):
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        rule.read(text)


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("recipe", None, "no such name"),
        ("learning_rate", 0.0, "not a number from"),
        ("learning_rate", float("inf"), "not a number from"),
        ("learning_rate", "0.1", "not a number from"),
        ("batch_size", 60_001, "not an integer from 1 to 60000"),
        ("batch_size", 2.0, "not an integer"),
        ("batch_size", True, "not an integer"),
        ("seed", 2**31, "not an integer from 0 to 2147483647"),
        ("seed", None, "not an integer"),
        ("data_dir", 7, "not a path"),
        ("class_names", None, "not 2 to 1000 different class names"),
        ("average_decay", 1.0, "not a number from 0 to 0.99999"),
    ],
)
def test_settings_that_nothing_can_be_trained_with_are_refused_by_name(field, value, problem):
    with pytest.raises(UserError) as caught:
        dataclasses.replace(settings(), **{field: value})
    assert str(caught.value).startswith(f"{field} {value!r}: {problem}")


def test_a_schedule_that_falls_has_an_end():
    assert settings(schedule="cosine").schedule_steps == 1500
    assert settings(schedule="one_cycle", schedule_steps=7).schedule_steps == 7
    with pytest.raises(UserError, match=r"^schedule cosine has no end: say with schedule_steps where it ends$"):
        dataclasses.replace(settings(), schedule="cosine")


def test_threads_are_as_many_as_the_cpus_that_the_process_may_use(monkeypatch):
    for cpus, threads in (({3}, 1), ({0, 1, 5}, 3), ({*range(2000)}, 1024)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda process, cpus=cpus: cpus)
        assert settings(threads=None).threads == threads
        assert settings(threads=7).threads == 7


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"steps": 3, "max_steps": 5}, "steps 3 and max_steps 5 exclude each other: give one"),
        ({"steps": 3, "epochs": 5}, "steps 3 and epochs 5 exclude each other: give one"),
        ({"epochs": 3, "max_steps": 5}, "epochs 3 and max_steps 5 exclude each other: give one"),
        ({"keep_best": True}, "keep_best needs evaluations while training: say with eval_every how often"),
        ({"early_stopping": 2}, "early_stopping needs evaluations while training: say with eval_every how often"),
        ({"eval_on_test": True}, "eval_on_test needs evaluations while training: say with eval_every how often"),
        ({"strategy": "mirored"}, "strategy 'mirored': no such name, did you mean mirrored?"),
        ({"overrides": {"batch_size": 0}}, "batch_size 0: not an integer from 1 to 60000"),
    ],
)
def test_options_that_nothing_can_be_trained_with_are_refused_by_name(options, problem):
    with pytest.raises(UserError, match=f"^{re.escape(problem)}$"):
        TrainOptions(**options)


def test_an_option_is_checked_by_its_name():
    assert check("model_dir", pathlib.PurePosixPath("/a")) == "/a"
    with pytest.raises(UserError, match=r"^model_dir None: not a path$"):
        check("model_dir", None)


@pytest.mark.parametrize(
    ("options", "images", "problem"),
    [
        ({"eval_every": 5}, 0, "eval_every 5: no images are held out to evaluate on: hold some out with validation"),
        ({"eval_every": 5, "keep_best": True, "eval_on_test": True}, 0, "keep_best chooses by images that are neither"),
        ({"eval_every": 5, "early_stopping": 1}, 0, "early_stopping chooses by images that are neither trained on"),
        ({"eval_every": 5, "eval_on_test": True}, 0, None),
        ({"eval_every": 5, "keep_best": True}, 1, None),
        ({}, 0, None),
    ],
)
def test_evaluations_while_training_need_images(options, images, problem):
    if problem is None:
        TrainOptions(**options).check_held_out(images)
    else:
        with pytest.raises(UserError, match=f"^{problem}"):
            TrainOptions(**options).check_held_out(images)
