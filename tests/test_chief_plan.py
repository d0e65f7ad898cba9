"""What the chief of a cluster tells the other tasks, and what they refuse."""

import dataclasses
import json
import re

import numpy as np
import pytest

from cnn_estimator.data.datasets import Split
from cnn_estimator.distributed import chief_plan
from cnn_estimator.distributed.chief_plan import SharedPlan
from cnn_estimator.errors import UserError
from cnn_estimator.settings import make_settings

pytestmark = pytest.mark.unit

SETTINGS = make_settings(
    "fashion_dense", seed=2, threads=3, data_dir="/data", class_names=tuple("abcdefghij"), learning_rate=0.25
)
PLAN = SharedPlan(
    settings=SETTINGS, checkpoint="model.ckpt-4", first_step=4, max_steps=9, evaluate_every=None, data="3 with checksum"
)


def test_what_the_chief_writes_the_others_read():
    assert SharedPlan.read(PLAN.text()) == PLAN


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"tensorflow": "2.14.0"},
            r"the chief has TensorFlow 2\.14\.0, and this task 2\.\d+\.\d+: install one version",
        ),
        ({"another": 1}, "the chief has another version of cnn_estimator: .*another"),
    ],
)
def test_another_program_is_refused(change, message):
    with pytest.raises(UserError, match=message):
        SharedPlan.read(json.dumps(json.loads(PLAN.text()) | change))


def test_a_task_may_have_its_data_elsewhere_and_leave_out_what_the_chief_knows():
    PLAN.check_given("fashion_dense", {"data_dir": "/mnt/data", "learning_rate": 0.25})


@pytest.mark.parametrize(
    ("recipe", "given", "message"),
    [
        ("fashion_cnn", {}, "recipe is fashion_cnn for this task, and fashion_dense for the chief"),
        ("fashion_dense", {"seed": 1}, "seed is 1 for this task, and 2 for the chief"),
        ("fashion_dense", {"learning_rate": 0.5}, "learning_rate is 0.5 for this task, and 0.25 for the chief"),
    ],
)
def test_a_task_that_was_started_for_something_else_is_refused(recipe, given, message):
    with pytest.raises(UserError, match=f"^{re.escape(message)}: start all tasks with the same flags$"):
        PLAN.check_given(recipe, given)


def test_other_images_or_labels_are_refused():
    data = Split(np.zeros((3, 28, 28), np.uint8), np.int32([1, 2, 3]), ("a",) * 10, "here")
    plan = dataclasses.replace(PLAN, data=chief_plan.fingerprint(data))
    plan.check_data(data)
    for other in (
        dataclasses.replace(data, labels=np.int32([1, 2, 4])),
        dataclasses.replace(data, pixels=data.pixels + np.uint8(1)),
        dataclasses.replace(data, pixels=data.pixels[:2], labels=data.labels[:2]),
    ):
        with pytest.raises(UserError, match="the training images differ"):
            plan.check_data(other)


def test_a_model_dir_without_the_chiefs_checkpoint_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(chief_plan, "_DISK_SECONDS", 0.1)
    dataclasses.replace(PLAN, checkpoint=None).wait_for_checkpoint(str(tmp_path))
    with pytest.raises(UserError, match=r"has no checkpoint for this task, and model\.ckpt-4 for the chief"):
        PLAN.wait_for_checkpoint(str(tmp_path))
