import dataclasses
import os
import pathlib
import typing

import numpy as np
import pytest

from cnn_estimator import recipes
from cnn_estimator.errors import UserError
from cnn_estimator.settings import HELP, HYPERPARAMETERS, RULES, Rule, check, check_optional, find_recipe, make_settings

pytestmark = pytest.mark.unit

# recipe: dataset, network, optimizer, learning rate, batch size, steps and accuracies, of the test set and in training,
# as the tutorials give them.
TUTORIALS = {
    "fashion_cnn": ("fashion_mnist", "three_conv_dropout", "adam", 0.001, 100, 1500, "0.89 to 0.90", ""),
    "fashion_ladder_1": ("fashion_mnist", "two_conv", "sgd", 0.001, 100, 1000, "0.29", ""),
    "fashion_ladder_2": ("fashion_mnist", "two_conv", "adam", 0.001, 100, 1000, "0.69", ""),
    "fashion_ladder_3": ("fashion_mnist", "three_conv", "adam", 0.001, 100, 1000, "0.73", ""),
    "fashion_ladder_4": ("fashion_mnist", "three_conv", "adam", 0.001, 100, 1500, "0.82", ""),
    "fashion_dense": ("fashion_mnist", "dense_128", "adam", 0.001, 32, 5 * 60_000 // 32, "0.8754", ""),
    "fashion_cnn_3x3": ("fashion_mnist", "conv_32_64", "adam", 0.001, 32, 10 * 60_000 // 32, "", "0.9745"),
    "fashion_cnn_64": (
        "fashion_mnist",
        "conv_64_64",
        "adam",
        0.001,
        32,
        50 * 60_000 // 32,
        "0.9060",
        "0.9945",
    ),
    "fashion_cnn_64_linear": ("fashion_mnist", "conv_64_64_linear", "adam", 0.001, 64, 10 * 938, "0.9006", ""),
    "mnist_cnn": ("mnist", "two_conv", "sgd", 0.001, 100, 20_000, "(cut off)", ""),
}
NAMES = tuple("abcdefghij")


def settings(recipe="fashion_cnn", **values):
    return make_settings(recipe, **{"seed": 1, "threads": 2, "class_names": NAMES} | values)


def test_recipes_are_the_tutorials():
    fields = (
        "dataset",
        "network",
        "optimizer",
        "learning_rate",
        "batch_size",
        "steps",
        "reported",
        "reported_in_training",
    )
    assert {
        name: tuple(getattr(recipe, field) for field in fields)
        for name, recipe in recipes.RECIPES.items()
        if recipe.reported or recipe.reported_in_training
    } == TUTORIALS
    assert all(name == recipe.name for name, recipe in recipes.RECIPES.items())
    assert recipes.DEFAULT in recipes.RECIPES


def test_settings_are_the_recipe_with_its_overrides():
    plain = settings("fashion_ladder_1", seed=0)
    assert (plain.dataset, plain.network) == ("fashion_mnist", "two_conv")
    assert dataclasses.asdict(plain) == {
        "optimizer": "sgd",
        "learning_rate": 0.001,
        "adam_beta2": 0.999,
        "batch_size": 100,
        "schedule": "constant",
        "warmup_steps": 0,
        "augment": "none",
        "average_decay": 0.0,
        "recipe": "fashion_ladder_1",
        "seed": 0,
        "threads": 2,
        "precision": "float32",
        "schedule_steps": None,
        "validation": 0,
        "data_dir": None,
        "class_names": NAMES,
    }
    assert plain.overrides() == {}
    changed = settings("fashion_ladder_1", optimizer="momentum", learning_rate=0.5, batch_size=7, data_dir="data")
    assert changed == dataclasses.replace(
        plain, optimizer="momentum", learning_rate=0.5, batch_size=7, seed=1, data_dir=os.path.abspath("data")
    )
    assert changed.overrides() == {"optimizer": "momentum", "learning_rate": 0.5, "batch_size": 7}
    assert settings(optimizer=None, learning_rate=None, batch_size=None) == settings()


def test_the_log_line_names_what_is_not_plain_and_what_differs_from_the_recipe():
    assert str(settings("fashion_dense", learning_rate=0.5)) == (
        "recipe fashion_dense with learning_rate=0.5: network dense_128, optimizer adam, learning_rate 0.5, "
        "batch_size 32, seed 1, threads 2"
    )
    assert str(settings("fashion_dense", validation=50)).endswith(", threads 2, validation 50")
    assert str(settings("fashion_dense", precision="bfloat16")).endswith(", threads 2, precision bfloat16")
    assert str(settings(batch_size=7, optimizer="sgd")).startswith(
        "recipe fashion_cnn with optimizer=sgd, batch_size=7: network three_conv_dropout, "
    )
    assert str(settings(schedule="cosine", warmup_steps=5, augment="shifts", average_decay=0.5)) == (
        "recipe fashion_cnn with schedule=cosine, warmup_steps=5, augment=shifts, average_decay=0.5: "
        "network three_conv_dropout, optimizer adam, learning_rate 0.001, batch_size 100, schedule cosine, "
        "warmup_steps 5, augment shifts, average_decay 0.5, seed 1, threads 2, schedule_steps 1500"
    )
    different = {"optimizer": "sgd", "learning_rate": 0.5, "batch_size": 7, "schedule": "cosine", "warmup_steps": 9}
    different |= {"augment": "shifts", "average_decay": 0.5, "adam_beta2": 0.99}
    for name in HYPERPARAMETERS:
        assert f", {name} {different[name]}" in str(settings(**different))


def test_every_hyperparameter_is_declared_with_a_rule_and_a_help_text():
    """So that flags, checks and overrides follow from the declaration."""
    for name in HYPERPARAMETERS:
        assert isinstance(RULES[name], typing.get_args(Rule))
        assert HELP[name].endswith(".")
    assert {*HELP} == {*HYPERPARAMETERS, "seed", "threads", "schedule_steps", "validation"}


def test_a_misspelt_recipe_is_refused_with_the_nearest_name():
    with pytest.raises(UserError, match=r"recipe 'fashon_cnn': no such name, did you mean fashion_cnn\?"):
        find_recipe("fashon_cnn")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(np.int64(3), 3), (np.uint8(3), 3), (np.float64(0.1), 0.1), (np.float32(0.5), 0.5), (True, True), ("3", "3")],
)
def test_numpys_numbers_become_pythons(value, expected):
    found = rules.python_number(value)
    assert (found, type(found)) == (expected, type(expected))
    assert rules.python_number(truth := np.bool_(True)) is truth


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("optimizer", "lion", "no such name, choose one of adam, sgd, momentum"),
        ("optimizer", ["adam"], "no such name"),
        ("recipe", None, "no such name"),
        ("learning_rate", 0.0, "not a number from"),
        ("learning_rate", -1.0, "not a number from"),
        ("learning_rate", float("nan"), "not a number from"),
        ("learning_rate", float("inf"), "not a number from"),
        ("learning_rate", 1e-39, "not a number from"),
        ("learning_rate", "0.1", "not a number from"),
        ("learning_rate", True, "not a number from"),
        ("batch_size", 0, "not an integer from 1 to 60000"),
        ("batch_size", 60_001, "not an integer"),
        ("batch_size", 2.0, "not an integer"),
        ("batch_size", True, "not an integer"),
        ("seed", -1, "not an integer from 0 to 2147483647"),
        ("seed", 2**31, "not an integer"),
        ("seed", None, "not an integer"),
        ("threads", 0, "not an integer from 1 to 1024"),
        ("threads", 1025, "not an integer from 1 to 1024"),
        ("threads", None, "not an integer from 1 to 1024"),
        ("data_dir", "", "not a path"),
        ("data_dir", 7, "not a path"),
        ("data_dir", "a\0b", "not a path"),
        ("data_dir", "\ud800", "not UTF-8, which TensorFlow needs"),
        ("data_dir", "gs://a/b", "paths that begin with gs:// are not supported, name a local one"),
        ("class_names", None, "not ten different class names"),
        ("schedule", "cosin", "no such name, did you mean cosine"),
        ("warmup_steps", -1, "not an integer from 0"),
        ("schedule_steps", 0, "not an integer from 1"),
        ("augment", None, "no such name"),
        ("average_decay", 1.0, "not a number from 0 to 0.99999"),
        ("average_decay", -0.1, "not a number"),
    ],
)
def test_settings_that_nothing_can_be_trained_with_are_refused_by_name(field, value, problem):
    with pytest.raises(UserError) as caught:
        dataclasses.replace(settings(), **{field: value})
    assert str(caught.value).startswith(f"{field} {value!r}: {problem}")


def test_a_schedule_that_falls_has_an_end():
    assert settings().schedule_steps is None
    assert settings(schedule="cosine").schedule_steps == 1500
    assert settings(schedule="one_cycle", schedule_steps=7).schedule_steps == 7
    with pytest.raises(UserError, match=r"^schedule cosine has no end: say with schedule_steps where it ends$"):
        dataclasses.replace(settings(), schedule="cosine")


def test_threads_are_as_many_as_the_cpus_that_the_process_may_use(monkeypatch):
    for cpus, threads in (({3}, 1), ({0, 1, 5}, 3), ({*range(2000)}, 1024)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda process, cpus=cpus: cpus)
        assert settings(threads=None).threads == threads
        assert settings(threads=7).threads == 7


def test_the_largest_and_smallest_settings():
    for learning_rate in (1.2e-38, 3.4e38, 1):
        assert settings(learning_rate=learning_rate, batch_size=60_000, seed=2**31 - 1)
    assert settings(seed=0).seed == 0


def test_a_path_of_very_many_folders_is_refused():
    assert check("model_dir", "/tmp" + "/a" * 499)
    with pytest.raises(UserError, match=r"^model_dir '/tmp/a/a.*/a/a': more than 500 folders deep$"):
        check("model_dir", "/tmp" + "/a" * 500)


@pytest.mark.parametrize("path", ["ram://a", "file:///tmp/a", "s3://a/b", "viewfs+x.y-1://a"])
def test_a_path_with_a_scheme_is_refused_by_the_arguments_name(path):
    scheme = path[: path.index("/")] + "//"
    with pytest.raises(UserError) as caught:
        check("model_dir", path)
    assert (
        str(caught.value) == f"model_dir {path!r}: paths that begin with {scheme} are not supported, name a local one"
    )


def test_a_path_is_a_str_or_a_path_object():
    assert check("output", pathlib.PurePosixPath("/a/b:c")) == "/a/b:c"
    assert check("output", "C:/a//b://c") == "C:/a//b://c"
    for value in (None, 3, b"/a", ""):
        with pytest.raises(UserError, match=r"^output .*: not a path$"):
            check("output", value)
    assert check_optional("data_dir", None) is None
