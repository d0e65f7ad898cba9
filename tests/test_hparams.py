"""TensorBoard's HParams tab: the answers that its page gets about runs that were trained here."""

import dataclasses

import pytest
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import api_pb2, backend_context, get_experiment, list_session_groups

from cnn_estimator import evaluation, training
from cnn_estimator.run_dir import events
from cnn_estimator.settings import Hyperparameters
from cnn_estimator.tf1 import tf
from cnn_estimator.training.fit import COMPARED_SETTINGS

pytestmark = pytest.mark.integration


def hparams_tab(folder):
    """Returns ({run: ({hyperparameter: value}, {metric: value})}, the names of all hyperparameters) of a folder."""
    runs = plugin_event_multiplexer.EventMultiplexer(tensor_size_guidance={"tensors": 0})
    runs.AddRunsFromDirectory(str(folder))
    runs.Reload()
    provider = data_provider.MultiplexerDataProvider(runs, str(folder))
    context = backend_context.Context(TBContext(data_provider=provider, logdir=str(folder)))
    request_context = RequestContext()
    experiment = get_experiment.Handler(
        request_context, context, "", api_pb2.GetExperimentRequest(include_metrics=True)
    ).run()
    statuses = api_pb2.Status.values()
    order = [api_pb2.ColParams(hparam=info.name) for info in experiment.hparam_infos]
    order += [api_pb2.ColParams(metric=info.name) for info in experiment.metric_infos]
    request = api_pb2.ListSessionGroupsRequest(
        allowed_statuses=statuses,
        col_params=order,
        aggregation_type=api_pb2.AGGREGATION_AVG,
        start_index=0,
        slice_size=100,
        include_metrics=True,
    )
    groups = list_session_groups.Handler(request_context, context, "", request).run().session_groups
    result = {}
    for group in groups:
        (session,) = group.sessions
        values = {name: getattr(value, value.WhichOneof("kind")) for name, value in group.hparams.items()}
        metrics = {f"{value.name.group}/{value.name.tag}": value.value for value in group.metric_values}
        result[session.name] = (values, metrics)
    return result, {info.name for info in experiment.hparam_infos}


def test_runs_with_the_same_values_are_listed_one_by_one(tmp_path):
    hyperparameters = {"optimizer": "adam", "learning_rate": 0.5}
    for name in ("a", "b"):
        events.write_hparams(str(tmp_path / name), hyperparameters, 0)
        tf.summary.FileWriterCache.get(str(tmp_path / name)).flush()
    runs, _ = hparams_tab(tmp_path)
    assert [runs["a"][0], runs["b"][0]] == [hyperparameters, hyperparameters]


def test_runs_are_compared_by_their_hyperparameters(tmp_path, data_dir):
    options = {"steps": 2, "data_dir": data_dir}
    training.train(str(tmp_path / "a"), "fashion_dense", seed=1, **options)
    training.train(
        str(tmp_path / "b"), "fashion_dense", optimizer="sgd", learning_rate=0.5, batch_size=7, seed=2, **options
    )
    accuracy = evaluation.evaluate(str(tmp_path / "b")).metrics["accuracy"]
    runs, compared = hparams_tab(tmp_path)
    assert compared == {*COMPARED_SETTINGS}
    same = {"recipe": "fashion_dense", "precision": "float32"} | dataclasses.asdict(Hyperparameters())
    assert runs["a"][0] == same | {"optimizer": "adam", "learning_rate": 0.001, "batch_size": 32, "seed": 1}
    assert runs["b"][0] == same | {"optimizer": "sgd", "learning_rate": 0.5, "batch_size": 7, "seed": 2}
    assert runs.keys() == {"a", "b"}
    assert runs["b"][1]["eval/accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert "/loss" in runs["a"][1]


@pytest.mark.newest
def test_a_run_that_starts_over_in_the_same_process_is_listed_with_its_first_values(tmp_path, data_dir):
    """The folder is the run itself, as for `tensorboard --logdir` of a model_dir."""
    folder = tmp_path / "run"
    options = {"data_dir": data_dir, "seed": 1}
    training.train(str(folder), "fashion_dense", steps=1, **options)
    training.train(str(folder), "fashion_dense", steps=1, batch_size=9, fresh=True, **options)
    training.train(str(folder), "fashion_dense", steps=1, batch_size=9, **options)
    assert hparams_tab(folder)[0]["."][0]["batch_size"] == 9
    assert hparams_tab(tmp_path / "run.1")[0]["."][0]["batch_size"] == 32
