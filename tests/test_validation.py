"""Evaluation while training: curves, the best checkpoint, early stopping, and what an interruption leaves of them."""

import json
import os
import shutil
import signal

import numpy as np
import pytest
from helpers import called, images_content, labels_content, started, steps_in, ten_bars, variables, wait_for

from cnn_estimator.data import datasets
from cnn_estimator.errors import UserError
from cnn_estimator.run_dir.evaluations import ValidationLog

# Slow enough to be best at step 300; with early_stopping=10 the end is at step 500.
FLAGS = ("--recipe=fashion_dense", "--optimizer=sgd", "--seed=1", "--validation=100", "--eval_every=20", "--keep_best")


@pytest.mark.unit
def test_the_seed_chooses_what_is_held_out(data_dir):
    data = datasets.load("fashion_mnist", "train", data_dir)
    training, validation = datasets.hold_out(data, 100, 1)
    again = datasets.hold_out(data, 100, 1)[1]
    other = datasets.hold_out(data, 100, 2)[1]
    assert (len(training.labels), len(validation.labels)) == (200, 100)
    assert np.array_equal(validation.images, again.images)
    assert not np.array_equal(validation.images, other.images)
    rows = {image.tobytes() for image in data.images}
    kept, held_out = ({image.tobytes() for image in split.images} for split in (training, validation))
    assert kept | held_out == rows
    assert len(kept) + len(held_out) == len(rows)  # none is in both


@pytest.mark.unit
def test_some_images_must_be_left_to_train_on(data_dir):
    data = datasets.load("fashion_mnist", "train", data_dir)
    with pytest.raises(UserError, match=r"^validation 300: .* has 300 training images, and some must be left"):
        datasets.hold_out(data, 300, 1)


@pytest.fixture(scope="module")
def validated(tmp_path_factory, data_dir):
    """(model_dir, the Training) of a run that was evaluated on held out images and on the test set."""
    from cnn_estimator import training

    folder = tmp_path_factory.mktemp("validated") / "run"
    options = {"eval_every": 20, "keep_best": True, "eval_on_test": True, "validation": 100}
    result = training.train(folder, "fashion_dense", max_steps=110, seed=1, data_dir=data_dir, **options)
    return folder, result


@pytest.mark.integration
def test_evaluations_are_what_eval_finds_in_the_same_step(validated, data_dir):
    from cnn_estimator import evaluation
    from cnn_estimator.run_dir import events

    folder, _ = validated
    curves = {(curve.part, curve.tag): curve for curve in events.curves(folder)}
    assert curves["validation", "accuracy"].steps == curves["evaluation", "loss"].steps == [20, 40, 60, 80, 100, 110]
    found = evaluation.evaluate(folder, checkpoint=110, data_dir=data_dir).metrics
    for tag in ("accuracy", "loss"):
        assert curves["evaluation", tag].values[-1] == pytest.approx(found[tag], rel=1e-5)


@pytest.mark.integration
def test_the_best_checkpoint_is_kept_and_taken(validated, data_dir):
    from cnn_estimator import evaluation, prediction

    folder, result = validated
    best = ValidationLog(str(folder), last_step=110).best
    assert result.best == best
    assert json.loads((folder / "best" / "best.json").read_text())["step"] == best.step
    found = evaluation.evaluate(folder, checkpoint="best", data_dir=data_dir).metrics
    assert found["checkpoint"] == str(folder / "best" / f"model.ckpt-{best.step}")
    assert found["global_step"] == best.step
    with prediction.Predictor(folder, checkpoint=found["checkpoint"]) as predictor:
        held_out = datasets.hold_out(datasets.load("fashion_mnist", "train", data_dir), 100, 1)[1]
        classes = predictor.predict(held_out.images).classes
    assert np.mean(classes == held_out.labels) == pytest.approx(best.accuracy)


@pytest.mark.integration
def test_no_best_checkpoint_is_one_line(trained, data_dir):
    from cnn_estimator import evaluation

    with pytest.raises(UserError, match=r"keeps no best checkpoint: train there with keep_best$"):
        evaluation.evaluate(trained, checkpoint="best", data_dir=data_dir)


@pytest.mark.integration
def test_evaluations_change_nothing_in_training(tmp_path, data_dir):
    from cnn_estimator import training

    common = {"max_steps": 20, "batch_size": 10, "seed": 1, "validation": 50, "data_dir": data_dir}
    for name, options in {"without": {}, "with": {"eval_every": 10, "keep_best": True}}.items():
        training.train(tmp_path / name, "fashion_ladder_2", **common, **options)
    assert variables(tmp_path / "with") == variables(tmp_path / "without")


@pytest.mark.integration
def test_early_stopping_ends_after_evaluations_that_brought_nothing(tmp_path, data_dir):
    from cnn_estimator import training

    options = {"recipe": "fashion_dense", "eval_every": 10, "seed": 1, "data_dir": data_dir}
    result = training.train(tmp_path, **options, max_steps=2000, validation=100, early_stopping=3)
    records = ValidationLog(str(tmp_path), last_step=2000).records
    assert result.stopped_early
    assert result.step == records[-1].step == steps_in(tmp_path)[-1]
    assert records.index(result.best) == len(records) - 4
    again = training.train(tmp_path, **options, max_steps=2000, early_stopping=3)
    assert (again.steps, again.stopped_early, again.best) == (0, True, result.best)
    on = training.train(tmp_path, **options, steps=5)
    assert (on.steps, on.stopped_early) == (5, False)


@pytest.mark.integration
@pytest.mark.parametrize("given", [{"validation": 50}, {"seed": 2}])
def test_other_held_out_images_are_another_run(validated, data_dir, given):
    """A seed chooses them: images that were trained on must not validate."""
    from cnn_estimator import training

    folder, _ = validated
    with pytest.raises(UserError, match="holds another run") as caught:
        training.train(folder, "fashion_dense", max_steps=200, data_dir=data_dir, **given)
    (name,) = given
    assert [(row[0], row[2]) for row in caught.value.differences[1:]] == [(name, given[name])]


@pytest.mark.newest
@pytest.mark.process
def test_a_killed_run_ends_with_the_same_best_step_and_bits(tmp_path, data_dir):
    flags = (*FLAGS, "--early_stopping=10", "--max_steps=1200", "--save_every=150", f"--data_dir={data_dir}")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    called(f"--model_dir={whole}", *flags, script="run_train.py")
    with started("run_train.py", f"--model_dir={killed}", *flags) as (process, stderr):
        wait_for("held-out images: step 400", process, stderr)  # beyond the last checkpoint and the best step
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = called(f"--model_dir={killed}", *flags, script="run_train.py")
    assert variables(killed) == variables(whole)
    for name in ("validation.jsonl", "best/best.json"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes()
    assert variables(best_of(killed)) == variables(best_of(whole))
    assert "stopped early at step 500: step 300 is the best" in done.stderr
    assert len(os.listdir(killed / "best")) <= 5  # best.json, and two files each of at most two checkpoints


def best_of(model_dir):
    return model_dir / "best" / json.loads((model_dir / "best" / "best.json").read_text())["checkpoint"]


@pytest.mark.newest
@pytest.mark.integration
def test_the_best_of_all_calls_is_kept_once_a_call_keeps_it(tmp_path, data_dir):
    from cnn_estimator import evaluation, training

    options = {"recipe": "fashion_dense", "seed": 1, "eval_every": 10, "data_dir": data_dir}
    first = training.train(tmp_path, max_steps=10, validation=100, **options)
    assert (first.best.step, first.best_checkpoint) == (10, None)
    name = f"model.ckpt-{first.best.step}"
    for keep_best in (True, False):
        result = training.train(
            tmp_path, steps=20, keep_best=keep_best, learning_rate=1.0, **options
        )  # worse and worse
        assert (result.best, result.best_checkpoint) == (first.best, str(tmp_path / "best" / name))
    metrics = evaluation.evaluate(tmp_path, checkpoint="best", data_dir=data_dir).metrics
    assert metrics["global_step"] == first.best.step
    assert variables(tmp_path / "best" / name) == variables(tmp_path / name)


@pytest.mark.integration
def test_an_evaluation_that_is_not_finite_ends_the_run_before_anything_is_kept(tmp_path, data_dir):
    from cnn_estimator import training

    options = {"optimizer": "sgd", "learning_rate": 1e30, "validation": 100, "eval_every": 1, "keep_best": True}
    with pytest.raises(UserError, match=r"^evaluation loss is nan at step 1 with learning_rate 1e\+30: "):
        training.train(tmp_path, "fashion_dense", steps=10, seed=1, data_dir=data_dir, **options)
    assert not (tmp_path / "best").exists()
    assert steps_in(tmp_path) == [0]
    assert ValidationLog(str(tmp_path), last_step=10).records == []


@pytest.mark.newest
@pytest.mark.integration
@pytest.mark.parametrize("given", [{}, {"eval_every": 10}])
def test_the_records_of_a_lost_branch_are_removed_whatever_the_flags(tmp_path, data_dir, given):
    from cnn_estimator import training
    from cnn_estimator.run_dir import events

    options = {"recipe": "fashion_dense", "seed": 1, "data_dir": data_dir}
    training.train(tmp_path, max_steps=40, save_every=20, validation=100, eval_every=10, keep_best=True, **options)
    for file in tmp_path.glob("model.ckpt-40*"):
        file.unlink()  # as if the run was killed after step 30
    result = training.train(tmp_path, max_steps=25, **given, **options)
    steps = [10, 20] if not given else [10, 20, 25]
    assert [record.step for record in ValidationLog(str(tmp_path), last_step=100).records] == steps
    assert result.best.step in steps
    assert json.loads((tmp_path / "best" / "best.json").read_text())["step"] == result.best.step
    curves = {(curve.part, curve.tag): curve.steps for curve in events.curves(tmp_path)}
    assert curves["validation", "loss"] == steps


@pytest.mark.newest
@pytest.mark.integration
def test_other_training_images_cannot_continue_a_run_that_holds_some_out(tmp_path, data_dir):
    from cnn_estimator import training

    folder = tmp_path / "data"
    shutil.copytree(data_dir, folder)
    options = {"recipe": "fashion_dense", "seed": 1, "data_dir": folder}
    for name, validation in (("held_out", 100), ("all", 0)):
        training.train(tmp_path / name, steps=2, validation=validation, **options)
    shutil.copytree(folder, tmp_path / "moved")  # the same images elsewhere
    training.train(tmp_path / "held_out", steps=2, **options | {"data_dir": tmp_path / "moved"})
    images, labels = ten_bars(300)
    (folder / datasets.TRAIN_IMAGES).write_bytes(images_content(images[::-1]))
    (folder / datasets.TRAIN_LABELS).write_bytes(labels_content(labels[::-1]))
    training.train(tmp_path / "all", steps=2, **options)
    with pytest.raises(UserError, match=f"^{folder} has other training images than the run in model_dir .*: name the"):
        training.train(tmp_path / "held_out", steps=2, **options)
    assert steps_in(tmp_path / "held_out")[-1] == 4


@pytest.mark.newest
@pytest.mark.integration
def test_what_a_killed_save_left_is_removed_when_training_continues(tmp_path, data_dir):
    from cnn_estimator import training

    options = {"recipe": "fashion_dense", "seed": 1, "eval_every": 10, "keep_best": True, "data_dir": data_dir}
    training.train(tmp_path, max_steps=10, validation=100, **options)
    leftovers = [
        folder / name
        for folder in (tmp_path, tmp_path / "best")
        for name in ("model.ckpt-15.data-00000-of-00001.tempstate123", "best.json.tmp" + "0" * 32)
    ]
    for path in leftovers:
        path.write_bytes(b"x")
    training.train(tmp_path, max_steps=20, **options)
    assert not any(path.exists() for path in leftovers)


@pytest.mark.newest
@pytest.mark.integration
def test_a_run_without_its_settings_does_not_train_on_what_it_held_out(tmp_path, data_dir):
    from cnn_estimator import training

    options = {"recipe": "fashion_dense", "seed": 1, "data_dir": data_dir}
    training.train(tmp_path, max_steps=4, validation=50, eval_every=2, **options)
    (tmp_path / "settings.json").unlink()
    with pytest.raises(UserError, match=r"has validation\.jsonl, and no settings\.json that says what is held"):
        training.train(tmp_path, steps=2, **options)


@pytest.mark.newest
@pytest.mark.integration
def test_a_run_that_begins_beside_another_best_checkpoint_does_not_take_it(tmp_path, data_dir):
    from cnn_estimator import prediction, training

    options = {"recipe": "fashion_dense", "seed": 1, "data_dir": data_dir}
    training.train(tmp_path, max_steps=4, validation=50, eval_every=2, keep_best=True, **options)
    for path in [*tmp_path.glob("model.ckpt-*"), tmp_path / "checkpoint"]:
        path.unlink()
    training.train(tmp_path, max_steps=2, **options)
    assert ValidationLog(str(tmp_path), last_step=100).records == []
    with pytest.raises(UserError, match=r"keeps no best checkpoint: train"):
        prediction.predict(tmp_path, test_indices=[0], checkpoint="best")
