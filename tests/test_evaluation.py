import json
import os

import numpy as np
import pytest
from google.protobuf import text_format
from helpers import ten_bars, write_idx_folder
from PIL import Image
from tensorboard.plugins.projector import ProjectorConfig

from cnn_estimator import evaluation, metrics, plots, training
from cnn_estimator.explain import Explainer
from cnn_estimator.prediction import Predictor, predict
from cnn_estimator.tf1 import tf

pytestmark = pytest.mark.integration


def records(model_dir):
    return json.loads((model_dir / "eval" / "metrics.json").read_text())


@pytest.mark.newest
def test_the_batch_size_changes_no_result(model_dir):
    """130 images: one batch, or a remainder that would weigh too much in a mean over batches."""
    expected = evaluation.evaluate(model_dir, checkpoint=0, batch_size=130).metrics
    assert 0 < expected["accuracy"] < 1
    for batch_size in (64, 129, 1000):
        result = evaluation.evaluate(model_dir, checkpoint=0, batch_size=batch_size).metrics
        assert result == expected | {"loss": pytest.approx(expected["loss"], rel=2e-6)}


@pytest.mark.newest
def test_the_data_of_the_run_is_used_unless_data_dir_names_other_data(tmp_path, model_dir):
    assert evaluation.evaluate(str(model_dir)).metrics["images"] == 130
    write_idx_folder(tmp_path, test=20)
    assert evaluation.evaluate(str(model_dir), data_dir=str(tmp_path)).metrics["images"] == 20


def test_the_confusion_matrix_counts_the_predictions_and_a_notebook_shows_it(model_dir):
    result = evaluation.evaluate(model_dir, checkpoint=0, batch_size=7)
    images, labels = ten_bars(130)
    with Predictor(model_dir, checkpoint=0) as predictor:
        classes = predictor.predict(images / np.float32(255)).classes
    expected = np.zeros((10, 10), int)
    np.add.at(expected, (labels, classes), 1)
    assert result.confusion.tolist() == expected.tolist()
    assert np.trace(expected) / 130 == pytest.approx(result.accuracy, abs=1e-6)
    html = result._repr_html_()
    assert f"accuracy <b>{result.accuracy:.4f}</b>" in html
    assert html.endswith(metrics.html(result.confusion, result.class_names))


@pytest.mark.newest
def test_metrics_json_has_the_newest_record_of_each_step(model_dir, data_dir):
    write_idx_folder(model_dir.parent, test=20)
    evaluation.evaluate(model_dir, checkpoint=0, data_dir=model_dir.parent)
    results = [evaluation.evaluate(model_dir, checkpoint=step).metrics for step in (120, 0)]
    for record, result in zip(records(model_dir), reversed(results), strict=True):
        assert {name: record[name] for name in result} == result
        assert record["data"] == data_dir
        assert list(record["classes"]) == list("0123456789")
        assert {score["images"] for score in record["classes"].values()} == {13}
        found = sum(score["recall"] for score in record["classes"].values())
        assert found / 10 == pytest.approx(record["accuracy"], abs=1e-6)
    assert sorted(name for name in os.listdir(model_dir / "eval") if "tfevents" not in name) == ["metrics.json"]


@pytest.mark.newest
def test_a_later_evaluation_of_a_step_replaces_its_record(model_dir):
    evaluation.evaluate(str(model_dir))
    write_idx_folder(model_dir.parent, test=20)
    evaluation.evaluate(str(model_dir), data_dir=str(model_dir.parent))
    (record,) = records(model_dir)
    assert record["images"] == 20


@pytest.mark.parametrize("content", ["{", "[{}]"])
def test_a_damaged_metrics_json_is_logged_and_stays(model_dir, caplog, content):
    (model_dir / "eval").mkdir()
    path = model_dir / "eval" / "metrics.json"
    path.write_text(content)
    assert evaluation.evaluate(model_dir).metrics["images"] == 130
    assert path.read_text() == content
    assert f"this evaluation is not kept in {path}: " in caplog.text


def test_the_plots_are_written_and_shown_in_tensorboard(model_dir, monkeypatch):
    drawn = {}
    real = plots.predictions
    monkeypatch.setattr(
        plots, "predictions", lambda *arguments: drawn.setdefault(arguments[-1], arguments) and real(*arguments)
    )
    result = evaluation.evaluate(model_dir, checkpoint=0, plot=True)
    names = ["confusion_matrix", "mistakes", "test_images"]
    assert sorted(os.listdir(model_dir / "plots")) == [f"{name}.png" for name in names]
    shown = {}
    for file in (model_dir / "eval").glob("*tfevents*"):
        for event in tf.train.summary_iterator(str(file)):
            for value in event.summary.value:
                if value.WhichOneof("value") == "image":
                    shown[value.tag] = value.image.encoded_image_string
    assert shown == {name: (model_dir / "plots" / f"{name}.png").read_bytes() for name in names}
    what = f"step 0, accuracy {result.accuracy:.4f} on 130 test images"
    assert list(drawn) == [f"The first test images: {what}", f"The most confident mistakes: {what}"]
    images, labels = ten_bars(130)
    for plotted, _, _, titles, true_classes, _ in drawn.values():
        rows = [int(title.removeprefix("test image ")) for title in titles]
        np.testing.assert_array_equal(plotted, images[rows] / np.float32(255))
        assert list(true_classes) == labels[rows].tolist()
    assert len(rows) == 20
    probabilities = drawn[f"The most confident mistakes: {what}"][1]
    assert (probabilities.argmax(axis=1) != true_classes).all()


def test_the_projector_shows_the_last_hidden_layer_of_the_first_images(model_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "_PROJECTED_IMAGES", 70)
    evaluation.evaluate(model_dir, batch_size=40, plot=True, checkpoint=0)
    evaluation.evaluate(model_dir, batch_size=40, plot=True, checkpoint=30)
    folder = model_dir / "eval"
    config = text_format.Parse((folder / "projector_config.pbtxt").read_text(), ProjectorConfig())
    (cloud,) = config.embeddings
    images, labels = ten_bars(130)
    with Explainer(model_dir, checkpoint=30) as explainer:
        explanations = explainer.explain(images[:70] / np.float32(255))
    vectors = np.loadtxt(folder / cloud.tensor_path, delimiter="\t")
    np.testing.assert_allclose(vectors, [each.activations["dense"] for each in explanations], rtol=1e-3, atol=1e-5)
    head, *lines = (folder / cloud.metadata_path).read_text().splitlines()
    assert head == "true class\tpredicted class\ttest image"
    assert lines == [f"{labels[row]}\t{each.class_name}\t{row}" for row, each in enumerate(explanations)]
    assert list(cloud.sprite.single_image_dim) == [28, 28]
    sprite = np.asarray(Image.open(folder / cloud.sprite.image_path))
    assert sprite.shape == (9 * 28, 9 * 28)
    np.testing.assert_array_equal(sprite[7 * 28 : 8 * 28, 6 * 28 : 7 * 28], images[69])
    assert not sprite[7 * 28 :, 7 * 28 :].any()
    assert sorted(os.listdir(folder / "projector")) == ["metadata.tsv", "sprite.png", "vectors.tsv"]


def test_an_evaluation_without_plots_writes_nothing_for_the_projector(model_dir):
    evaluation.evaluate(model_dir)
    assert not [name for name in os.listdir(model_dir / "eval") if "projector" in name]


def test_plots_are_written_when_the_folder_of_evaluations_cannot_be(model_dir):
    (model_dir / "eval").write_text("a file")
    evaluation.evaluate(model_dir, plot=True)
    assert "confusion_matrix.png" in os.listdir(model_dir / "plots")
    assert not list(model_dir.rglob("projector*"))


@pytest.mark.newest
def test_a_plot_of_mistakes_is_removed_if_there_are_none(model_dir):
    (model_dir / "plots").mkdir()
    (model_dir / "plots" / "mistakes.png").touch()
    assert evaluation.evaluate(model_dir, plot=True).accuracy == 1
    assert sorted(os.listdir(model_dir / "plots")) == ["confusion_matrix.png", "test_images.png"]


@pytest.mark.newest
def test_class_names_are_those_of_the_training(tmp_path, data_dir, caplog):
    names = ("eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn")
    write_idx_folder(tmp_path)
    (tmp_path / "class_names.txt").write_text("\n".join(names))
    training.train(str(tmp_path / "run"), "fashion_dense", steps=1, data_dir=str(tmp_path))
    assert evaluation.evaluate(str(tmp_path / "run"), data_dir=data_dir).class_names == names
    assert caplog.text.count("the data has class_names ('0', '1'") == 1
    assert predict(tmp_path / "run", test_indices=[0], data_dir=data_dir).predictions[0].class_name in names
    assert caplog.text.count("the data has class_names ('0', '1'") == 2
    with Predictor(str(tmp_path / "run")) as predictor:
        assert predictor.class_names == names
