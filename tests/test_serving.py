"""MLflow's model server answers with the predictions of an Estimator, from the SavedModels that it exported."""

import base64
import importlib.util
import json
import os
import pathlib
import shutil
import signal
import sys
import urllib.request

import numpy as np
import pytest
from helpers import free_addresses, started, wait_for

from cnn_estimator.tf1 import tf

pytestmark = [
    pytest.mark.newest,
    pytest.mark.process,
    pytest.mark.skipif(
        not (importlib.util.find_spec("mlflow") and importlib.util.find_spec("pandas")),
        reason="needs pip install mlflow-skinny pandas",
    ),
]

PEOPLE = {"age": np.float32([43.9, 62.7, 18.0]), "job": np.array(["nurse", "clerk", "pilot"])}


@pytest.fixture(scope="module")
def estimator(tmp_path_factory):
    """A trained classifier with a column of numbers and one of texts."""
    classifier = tf.estimator.DNNClassifier([8], columns(), str(tmp_path_factory.mktemp("model")))
    labels = np.int32([1, 1, 0])
    classifier.train(tf.estimator.inputs.numpy_input_fn(PEOPLE, labels, shuffle=True, num_epochs=None), steps=5)
    return classifier


def columns():
    column = tf.feature_column
    job = column.categorical_column_with_vocabulary_list("job", ["nurse", "cook", "clerk"])
    return [column.numeric_column("age"), column.indicator_column(job)]


def predictions(estimator):
    predicted = list(estimator.predict(tf.estimator.inputs.numpy_input_fn(PEOPLE, shuffle=False)))
    return {name: np.array([each[name] for each in predicted]) for name in ("probabilities", "logits")}


def example(age, job):
    features = {
        "age": tf.train.Feature(float_list=tf.train.FloatList(value=[age])),
        "job": tf.train.Feature(bytes_list=tf.train.BytesList(value=[job.encode()])),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def served(saved_model, folder, signature, inputs, question, monkeypatch):
    """Returns the server's answer to a question, with one signature of a SavedModel.

    Args:
      inputs: MLflow's description of the signature's inputs.
      question: what is sent as JSON.
    """
    shutil.copytree(saved_model, folder / "saved_model")
    tensorflow = {
        "model_type": "tf1-estimator",
        "saved_model_dir": "saved_model",
        "meta_graph_tags": ["serve"],
        "signature_def_key": signature,
    }
    flavors = {"python_function": {"loader_module": "mlflow.tensorflow"}, "tensorflow": tensorflow}
    # JSON is YAML too.
    (folder / "MLmodel").write_text(json.dumps({"flavors": flavors, "signature": {"inputs": json.dumps(inputs)}}))
    monkeypatch.setenv("PATH", f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file:{folder}/runs")
    (address,) = free_addresses(1)
    serve = ["models", "serve", f"--model-uri={folder}", "--env-manager=local", f"--port={address.split(':')[1]}"]
    with started("-m", "mlflow", *serve) as (process, stderr):
        try:
            wait_for("Uvicorn running", process, stderr)
            request = urllib.request.Request(
                f"http://{address}/invocations", json.dumps(question).encode(), {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["predictions"]
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # the server is a child of the command


def test_a_server_answers_for_a_parsing_receiver(estimator, tmp_path, monkeypatch):
    spec = tf.feature_column.make_parse_example_spec(columns())
    receiver = tf.estimator.export.build_parsing_serving_input_receiver_fn(spec)
    saved_model = estimator.export_saved_model(str(tmp_path / "export"), receiver).decode()
    examples = [base64.b64encode(example(*person)).decode() for person in zip(*PEOPLE.values(), strict=True)]
    rows = served(
        saved_model,
        tmp_path,
        "classification",
        [{"name": "inputs", "type": "binary"}],
        {"dataframe_split": {"columns": ["inputs"], "data": [[each] for each in examples]}},
        monkeypatch,
    )
    np.testing.assert_allclose([row["scores"] for row in rows], predictions(estimator)["probabilities"], rtol=1e-6)


def test_a_server_answers_for_a_raw_receiver(estimator, tmp_path, monkeypatch):
    receiver = tf.estimator.export.build_raw_serving_input_receiver_fn(
        {"age": tf.placeholder(tf.float32, [None]), "job": tf.placeholder(tf.string, [None])}
    )
    saved_model = estimator.export_saved_model(str(tmp_path / "export"), receiver).decode()
    answer = served(
        saved_model,
        tmp_path,
        "predict",
        [
            {"name": name, "type": "tensor", "tensor-spec": {"dtype": dtype, "shape": [-1]}}
            for name, dtype in (("age", "float32"), ("job", "str"))
        ],
        {"inputs": {name: values.tolist() for name, values in PEOPLE.items()}},
        monkeypatch,
    )
    expected = predictions(estimator)
    np.testing.assert_allclose(answer["probabilities"], expected["probabilities"], rtol=1e-6)
    np.testing.assert_allclose(answer["logits"], expected["logits"][:, 0], rtol=1e-6)
