"""The plan that the chief of a cluster publishes, and what the other tasks refuse."""

import dataclasses
import re

import numpy as np
import pytest

from cnn_estimator import waiting
from cnn_estimator.data.datasets import Split
from cnn_estimator.distributed import chief_plan
from cnn_estimator.distributed.chief_plan import ChiefPlan
from cnn_estimator.distributed.tf_config import Task
from cnn_estimator.errors import UserError
from cnn_estimator.settings import Start, TrainOptions, make_settings

pytestmark = pytest.mark.unit

SETTINGS = make_settings(
    "fashion_dense", seed=2, threads=3, data_dir="/data", class_names=tuple("abcdefghij"), learning_rate=0.25
)
START = Start(settings=SETTINGS, checkpoint="model.ckpt-4", first_step=4, max_steps=9)
TASK = Task("worker", 0, {"chief": ("a:1",), "worker": ("b:1",)})
PLAN = ChiefPlan(start=START, eval_every=None, data="3 with checksum", cluster=TASK.cluster, token="abc")


def test_a_task_reads_the_plan_of_the_chief():
    assert ChiefPlan.read(PLAN.text()) == PLAN


@pytest.mark.parametrize("name", PLAN.versions)
def test_another_version_of_a_package_is_refused(name):
    plan = dataclasses.replace(PLAN, versions=PLAN.versions | {name: "0.0.1"})
    with pytest.raises(UserError, match=rf"the chief has {name} 0\.0\.1, and this task .+: install one"):
        ChiefPlan.read(plan.text())


def test_another_cluster_is_refused():
    PLAN.check_cluster(TASK)
    other = dataclasses.replace(TASK, cluster={"chief": ("a:1",), "worker": ("b:1", "c:1")})
    with pytest.raises(UserError, match=r"^TF_CONFIG lists the cluster .*'c:1'.* for the chief: give all tasks one"):
        PLAN.check_cluster(other)


def test_a_task_may_have_its_own_data_dir_and_leave_out_the_other_options():
    options = TrainOptions(recipe="fashion_dense", overrides={"data_dir": "/mnt/data", "precision": "auto"})
    PLAN.check_options(options)
    start = PLAN.start_on_this_machine(options)
    assert start == dataclasses.replace(START, settings=dataclasses.replace(SETTINGS, data_dir="/mnt/data"))


@pytest.mark.parametrize(
    ("recipe", "overrides", "message"),
    [
        ("fashion_cnn", {}, "recipe is fashion_cnn for this task, and fashion_dense for the chief"),
        ("fashion_dense", {"learning_rate": 0.5}, "learning_rate is 0.5 for this task, and 0.25 for the chief"),
    ],
)
def test_other_options_are_refused(recipe, overrides, message):
    with pytest.raises(UserError, match=f"^{re.escape(message)}: start all tasks with the same options$"):
        PLAN.check_options(TrainOptions(recipe=recipe, overrides=overrides))


def test_other_images_or_labels_are_refused():
    data = Split(np.zeros((3, 28, 28), np.uint8), np.int32([1, 2, 3]), ("a",) * 10, "here")
    plan = dataclasses.replace(PLAN, data=data.fingerprint())
    plan.check_data(data)
    for other in (
        dataclasses.replace(data, labels=np.int32([1, 2, 4])),
        dataclasses.replace(data, pixels=data.pixels + np.uint8(1)),
        dataclasses.replace(data, pixels=data.pixels[:2], labels=data.labels[:2]),
    ):
        with pytest.raises(UserError, match=r"the training images differ: .*: name the data_dir with the same data"):
            plan.check_data(other)


def test_another_model_dir_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(waiting, "wait_for", lambda ask, **options: ask())  # without the wait for a slow disk
    new_run = dataclasses.replace(PLAN, start=dataclasses.replace(START, checkpoint=None))
    with pytest.raises(UserError, match=r"of this task is not the chief's: name one model_dir"):
        new_run.check_model_dir(str(tmp_path))
    (tmp_path / chief_plan.TOKEN_FILE).write_text("abc")
    new_run.check_model_dir(str(tmp_path))
    with pytest.raises(UserError, match=r"has no checkpoint for this task, and model\.ckpt-4 for the chief: name one"):
        PLAN.check_model_dir(str(tmp_path))


def test_a_chief_that_was_started_again_has_another_plan(tmp_path):
    assert not PLAN.is_replaced(str(tmp_path))
    for token, replaced in (("abc", False), ("abcd", True)):
        (tmp_path / chief_plan.TOKEN_FILE).write_text(token)
        assert PLAN.is_replaced(str(tmp_path)) == replaced
