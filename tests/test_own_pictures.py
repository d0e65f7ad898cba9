"""Runs with another number of classes than ten, from the first step to the export, and runs that begin with trained
weights."""

import json
import logging
import re
import shutil

import numpy as np
import pytest
from helpers import (
    images_content,
    labels_content,
    stop_training_after,
    ten_bars,
    variable_values,
    variables,
    write_pictures,
)

import cnn_estimator
from cnn_estimator import evaluation, exporting, prediction, training
from cnn_estimator.data import datasets
from cnn_estimator.data.datasets import DatasetError
from cnn_estimator.errors import Stopped, UserError

pytestmark = pytest.mark.integration

OPTIONS = {"recipe": "fashion_dense", "steps": 40, "learning_rate": 0.003, "seed": 1}


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp("three") / "mine", ["one", "two and a half", "Öre"])


@pytest.mark.parametrize("network_options", [{}, {"average_decay": 0.9}, {"strategy": "mirrored", "devices": 2}])
def test_three_classes_train_evaluate_and_predict(tmp_path, three, network_options):
    """While training the held-out pictures are evaluated too."""
    model_dir = tmp_path / "run"
    held_out = {"validation": 12, "eval_every": 20, "keep_best": True}
    result = training.train(model_dir, data_dir=three, **OPTIONS, **held_out, **network_options)
    assert result.settings.class_names == ("one", "two and a half", "Öre")
    assert result.best.accuracy > 0.9
    assert variable_values(model_dir)["dense_1/kernel"].shape == (128, 3)
    evaluated = evaluation.evaluate(model_dir, plot=True)
    assert (evaluated.accuracy, evaluated.metrics["images"]) == (1, 6)
    assert evaluated.confusion.tolist() == [[2, 0, 0], [0, 2, 0], [0, 0, 2]]
    assert "Öre" in evaluated._repr_html_()
    (record,) = json.loads((model_dir / "eval" / "metrics.json").read_text())
    assert list(record["classes"]) == ["one", "two and a half", "Öre"]
    assert (model_dir / "plots" / "confusion_matrix.png").exists()
    if network_options:
        return
    paths = [three / name / "0.png" for name in ("one", "two and a half", "Öre")]
    predicted = prediction.predict(model_dir, paths, [0])
    assert [image.ranked()[0][0] for image in predicted.predictions[:3]] == ["one", "two and a half", "Öre"]
    assert not any(image.inverted for image in predicted.predictions)
    with prediction.Predictor(model_dir) as predictor:
        assert predictor.predict(np.zeros((0, 28, 28))).probabilities.shape == (0, 3)


def test_a_picture_is_read_in_prediction_as_in_training(tmp_path, three):
    test = cnn_estimator.load("fashion_mnist", "test", three)
    for crop in (None, True):
        model_dir = tmp_path / f"run {crop}"
        settings = training.train(model_dir, data_dir=three, crop=crop, **OPTIONS | {"steps": 1}).settings
        assert settings.crop is bool(crop)
        read = {
            prediction_.image.tobytes()
            for prediction_ in prediction.predict(model_dir, sorted(three.rglob("*.png"))).predictions
        }
        pixels = cnn_estimator.load("fashion_mnist", "test", three, crop=crop).images
        assert {image.tobytes() for image in pixels} <= read
        assert np.array_equal(pixels, test.images) is not bool(crop)


@pytest.mark.newest
def test_twelve_classes_are_plotted(tmp_path):
    names = [f"class {number:02}" for number in range(12)]
    model_dir = tmp_path / "run"
    training.train(model_dir, data_dir=write_pictures(tmp_path / "mine", names), **OPTIONS)
    assert evaluation.evaluate(model_dir, plot=True).accuracy > 0.9
    assert prediction.plot(prediction.predict(model_dir, test_indices=[0, 1]).predictions)


def test_idx_files_of_three_classes(tmp_path):
    generator = np.random.default_rng(1)
    for prefix, count in (("train", 90), ("t10k", 30)):
        labels = np.arange(count, dtype=np.uint8) % 3
        images = generator.integers(0, 60, (count, 28, 28), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[4 + 6 * label : 8 + 6 * label] = 255
        (tmp_path / f"{prefix}-images-idx3-ubyte").write_bytes(images_content(images))
        (tmp_path / f"{prefix}-labels-idx1-ubyte").write_bytes(labels_content(labels))
    (tmp_path / "class_names.txt").write_text("a\nb\nc\n")
    result = training.train(tmp_path / "run", data_dir=tmp_path, **OPTIONS)
    assert (result.settings.class_names, result.settings.crop) == (("a", "b", "c"), True)
    assert evaluation.evaluate(tmp_path / "run").accuracy == 1


def test_another_number_of_classes_is_refused(tmp_path, three, data_dir, model_dir):
    other = write_pictures(tmp_path / "two", ["one", "two"])
    with pytest.raises(UserError, match=r"^model_dir .* holds another run: choose another") as error:
        training.train(model_dir, data_dir=three, **OPTIONS)
    assert ("classes", 10, 3) in error.value.differences
    three_dir = tmp_path / "three"
    training.train(three_dir, data_dir=three, **OPTIONS | {"steps": 1})
    with pytest.raises(UserError, match=r"^model_dir .* holds another run: choose another"):
        training.train(three_dir, data_dir=three, crop=True, **OPTIONS)
    for call in (
        lambda: evaluation.evaluate(three_dir, data_dir=other),
        lambda: prediction.predict(three_dir, test_indices=[0], data_dir=other),
        lambda: exporting.export(three_dir, format="saved_model", output=tmp_path / "out", data_dir=other),
    ):
        with pytest.raises(DatasetError, match=r"/two has 2 classes, and the run has 3: name the {?data_dir}? of the"):
            call()
    with pytest.raises(UserError, match=r"^data_dir .*/gone is not a folder"):
        training.train(three_dir, data_dir=tmp_path / "gone", **OPTIONS)


def test_a_run_does_not_continue_with_other_pictures(tmp_path):
    """A picture that it has trained on could be in the tenth that it is tested with."""
    mine = write_pictures(tmp_path / "mine", ["one", "two"])
    training.train(tmp_path / "run", data_dir=mine, **OPTIONS | {"steps": 1})
    shutil.copy(mine / "one" / "0.png", mine / "one" / "new.png")
    with pytest.raises(UserError, match=r"^.*/mine has other training images than the run in model_dir .*init_from"):
        training.train(tmp_path / "run", data_dir=mine, **OPTIONS | {"steps": 1})


def test_training_pictures_do_not_become_test_pictures_unsaid(tmp_path, caplog):
    """Without the folder test, a tenth of the pictures in the folder train is the test set."""
    for split in ("train", "test"):
        write_pictures(tmp_path / "mine" / split, ["one", "two"])
    training.train(tmp_path / "run", data_dir=tmp_path / "mine", **OPTIONS | {"steps": 1})
    shutil.copy(tmp_path / "mine" / "train" / "one" / "0.png", tmp_path / "mine" / "train" / "one" / "new.png")
    training.train(tmp_path / "run", data_dir=tmp_path / "mine", **OPTIONS | {"steps": 1})
    evaluation.evaluate(tmp_path / "run")
    assert "may have been trained on" not in caplog.text
    shutil.rmtree(tmp_path / "mine" / "test")
    evaluation.evaluate(tmp_path / "run")
    assert "some of these test images may have been trained on" in caplog.text
    with pytest.raises(UserError, match=r"^.*/mine has other training images than the run in model_dir "):
        training.train(tmp_path / "run", **OPTIONS | {"steps": 1})


def test_a_class_whose_pictures_are_all_held_out_is_named(tmp_path, three, caplog):
    training.train(tmp_path / "run", data_dir=three, **OPTIONS | {"steps": 1}, validation=20)
    assert "are held out" not in caplog.text
    training.train(tmp_path / "few", data_dir=three, **OPTIONS | {"steps": 1}, validation=53)
    assert caplog.text.count("are held out: the network cannot learn the class") == 2


def test_held_out_pictures_that_are_training_pictures_too_are_counted(tmp_path, caplog):
    mine = write_pictures(tmp_path / "mine", ["one", "two"])
    training.train(tmp_path / "run", data_dir=mine, **OPTIONS | {"steps": 1}, validation=10)
    assert "training pictures too" not in caplog.text
    for name in ("one", "two"):
        for number in range(20):
            shutil.copy(mine / name / f"{number}.png", mine / name / f"copy {number}.png")
    training.train(tmp_path / "twice", data_dir=mine, **OPTIONS | {"steps": 1}, validation=10)
    counted = re.search(r"held-out pictures in .*/mine that are training pictures too: (\d+)", caplog.text)
    assert 5 <= int(counted[1]) <= 10


def first_weights(model_dir):
    return variable_values(model_dir / "model.ckpt-0")


def test_a_run_begins_with_the_weights_of_another_one(tmp_path, three, model_dir, caplog):
    caplog.set_level(logging.INFO, "cnn_estimator")
    run = tmp_path / "new run"
    result = training.train(run, data_dir=three, init_from=model_dir, **OPTIONS)
    assert f"taking the weights of dense from {model_dir}/model.ckpt-120; dense_1 begins with random" in caplog.text
    assert (result.steps, result.settings.init_from) == (40, str(model_dir))
    first, trained = first_weights(run), variable_values(model_dir)
    np.testing.assert_array_equal(first["dense/kernel"], trained["dense/kernel"])
    np.testing.assert_array_equal(first["dense/kernel/Adam"], 0)
    assert (first["dense_1/kernel"].shape, first["global_step"]) == ((128, 3), 0)
    assert first["dense_1/kernel"].std() > 0.01
    assert evaluation.evaluate(run).accuracy == 1
    caplog.clear()
    again = training.train(run, data_dir=three, init_from=tmp_path / "elsewhere", **OPTIONS)
    assert (again.step, again.settings.init_from) == (80, str(model_dir))
    assert f"init_from {tmp_path}/elsewhere is not used: the run in {run} began with the weights of" in caplog.text


@pytest.mark.parametrize("options", [{}, {"average_decay": 0.9}])
def test_all_layers_are_taken_where_the_classes_are_the_same(tmp_path, data_dir, trained, options):
    source = tmp_path / "source"
    run = tmp_path / "run"
    training.train(source, data_dir=data_dir, **OPTIONS, average_decay=0.9)
    training.train(run, data_dir=data_dir, init_from=source, **OPTIONS | {"steps": 1}, **options)
    saved, first = variable_values(source), first_weights(run)
    for name in ("dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"):
        averaged = f"{name}/ExponentialMovingAverage"
        np.testing.assert_array_equal(first[name], saved[averaged])
        assert (averaged in first) is bool(options)
        if options:
            np.testing.assert_array_equal(first[averaged], saved[averaged])
        assert not np.array_equal(saved[name], saved[averaged])


def test_the_best_checkpoint_is_taken_by_its_folder(tmp_path, data_dir, caplog):
    caplog.set_level(logging.INFO, "cnn_estimator")
    source = tmp_path / "source"
    held_out = {"validation": 50, "eval_every": 5, "keep_best": True}
    result = training.train(source, data_dir=data_dir, **OPTIONS | {"steps": 100}, **held_out)
    assert result.best.step < 100
    training.train(tmp_path / "run", data_dir=data_dir, init_from=source / "best", **OPTIONS | {"steps": 1})
    assert f"taking the weights of dense, dense_1 from {result.best_checkpoint}" in caplog.text


def test_a_folder_of_best_checkpoints_without_a_best_one_is_refused(tmp_path, data_dir):
    source = tmp_path / "source"
    options = OPTIONS | {"steps": 2, "data_dir": data_dir}
    training.train(source, **options, validation=50, eval_every=1, keep_best=True)
    (source / "best" / "best.json").unlink()
    with pytest.raises(UserError, match=r"^init_from .*/source/best: .*/source keeps no best checkpoint now: name the"):
        training.train(tmp_path / "run", **options, init_from=source / "best")


def test_weights_that_know_images_which_are_held_out_now_are_a_warning(tmp_path, data_dir, caplog):
    def begin(name, source, folder=data_dir, **options):
        caplog.clear()
        given = OPTIONS | {"steps": 1, "data_dir": folder, "init_from": source and tmp_path / source} | options
        training.train(tmp_path / name, **given)
        return [record.getMessage() for record in caplog.records if "may have been trained on" in record.getMessage()]

    assert begin("all", None) == []
    assert begin("none known", None, validation=50) == []
    assert begin("same", "none known", validation=50) == []
    assert begin("nothing held out", "none known") == []
    other_seed = begin("other seed", "none known", validation=50, seed=2)
    assert [message.partition(" may ")[0] for message in other_seed] == [f"init_from {tmp_path}/none known"]
    assert len(begin("some known", "all", validation=50)) == 1
    indirectly = begin("indirectly", "some known", validation=50)
    assert [message.partition(" may ")[0] for message in indirectly] == [f"init_from {tmp_path}/all"]
    (tmp_path / "all" / "settings.json").unlink()
    unknown = begin("unknown", "all", validation=50)
    assert [message.partition(",")[0] for message in unknown] == [f"init_from {tmp_path}/all has no settings.json"]
    with pytest.raises(UserError, match=r"^validation 50: .*/all has no settings\.json, and its checkpoint may have"):
        begin("all", None, validation=50)
    reversed_images = tmp_path / "reversed"
    shutil.copytree(data_dir, reversed_images)
    first = begin("first order", None, reversed_images, validation=50)
    images, labels = ten_bars(300)
    (reversed_images / datasets.TRAIN_IMAGES).write_bytes(images_content(images[::-1]))
    (reversed_images / datasets.TRAIN_LABELS).write_bytes(labels_content(labels[::-1]))
    assert (first, len(begin("other order", "first order", reversed_images, validation=50))) == ([], 1)


def test_weights_that_know_pictures_of_the_test_set_are_a_warning(tmp_path, caplog):
    mine = write_pictures(tmp_path / "mine", ["one", "two"])
    training.train(tmp_path / "first", data_dir=mine, **OPTIONS | {"steps": 1})
    options = OPTIONS | {"steps": 1, "data_dir": mine, "init_from": tmp_path / "first"}
    training.train(tmp_path / "same", **options)
    assert "may have been trained on" not in caplog.text
    shutil.copy(mine / "one" / "0.png", mine / "one" / "new.png")
    training.train(tmp_path / "more", **options)
    assert f"first may have been trained on images of the test set of {mine}: the accuracy may be" in caplog.text


def test_a_stopped_run_that_began_so_ends_in_the_same_bits(tmp_path, three, trained, monkeypatch):
    options = OPTIONS | {"steps": None, "max_steps": 20, "data_dir": three, "init_from": trained, "average_decay": 0.9}
    training.train(tmp_path / "whole", **options)
    with monkeypatch.context() as patch:
        stop_training_after(patch, 7)
        with pytest.raises(Stopped):
            training.train(tmp_path / "stopped", **options)
    training.train(tmp_path / "stopped", **options | {"init_from": None})
    assert variables(tmp_path / "stopped") == variables(tmp_path / "whole")


def test_what_a_run_cannot_begin_with_is_one_line(tmp_path, data_dir, model_dir, caplog):
    caplog.set_level(logging.INFO, "cnn_estimator")
    run = tmp_path / "new run"
    options = OPTIONS | {"data_dir": data_dir}

    def refused(message, **changed):
        with pytest.raises(UserError, match=message) as error:
            training.train(run, **options | changed)
        assert "\n" not in str(error.value)
        assert not run.exists()

    refused(r"^init_from .*/gone is not a folder: name", init_from=tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    refused(r"^init_from .*/empty holds no checkpoint: name", init_from=tmp_path / "empty")
    assert "loaded " not in caplog.text  # no images were read for it
    refused(
        r"holds network dense_128, and recipe fashion_cnn needs three_conv_", init_from=model_dir, recipe="fashion_cnn"
    )
    refused(r"^init_from .*/new run is the model_dir itself: name", init_from=run)
    (model_dir / "settings.json").unlink()  # the checkpoint must fit the recipe then
    refused(r"model.ckpt-120 lacks conv2d/kernel, where network two_conv", init_from=model_dir, recipe="mnist_cnn")
    for data in model_dir.glob("*.data-*"):
        data.write_bytes(data.read_bytes()[:-10])
    refused(r"^model_dir .* none of its checkpoints is intact: ", init_from=model_dir)


def test_a_run_does_not_begin_with_itself(model_dir, data_dir):
    with pytest.raises(UserError, match=r"^init_from .* is the model_dir itself: name another"):
        training.train(model_dir, fresh=True, data_dir=data_dir, init_from=model_dir, **OPTIONS)
    assert (model_dir / "model.ckpt-120.index").exists()
