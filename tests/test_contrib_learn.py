"""tf.contrib.learn and tf.contrib.training. The expected values of HParams are TensorFlow 1.15.5's."""

import copy
import io
import os
import pickle
import tarfile

import numpy as np
import pytest

from cnn_estimator.tf1 import contrib, input_data, tf
from cnn_estimator.tf1.contrib import training

HParams, parse_values = training.HParams, training.parse_values


def hparams(**more):
    return HParams(**{"a": 1, "b": 2.5, "c": "x", "d": True, "e": [1, 2], "f": [1.5], "g": None, **more})


@pytest.mark.unit
@pytest.mark.parametrize(
    ("text", "changed"),
    [
        (
            "a=3,b=1e-3,c=hello world,d=false,e=[7,8,9],f=[2]",
            {"a": 3, "b": 0.001, "c": "hello world", "d": False, "e": [7, 8, 9], "f": [2.0]},
        ),
        ("", {}),
        ("d=1", {"d": True}),
        ("a = 4 , c= y", {"a": 4, "c": "y"}),
        ("c=", {"c": ""}),
        ("e=[]", {"e": []}),
        ("a=-3", {"a": -3}),
        *(
            (bad, ValueError)
            for bad in ("e[1]=5", "e=5", "zz=5", "a=5.0", "a=1,a=2", "a=[1]", "d=maybe", "a", " a = 4")
        ),
        ("g=4", TypeError),
    ],
)
def test_hparams_parse_as_in_tf_115(text, changed):
    if not isinstance(changed, dict):
        with pytest.raises(changed):
            hparams().parse(text)
    else:
        assert hparams().parse(text).values() == {**hparams().values(), **changed}


@pytest.mark.unit
@pytest.mark.parametrize(
    ("text", "types", "expected"),
    [
        ("a=1,b[2]=3,c=[1,2]", {"a": int, "b": int, "c": float}, {"a": 1, "b": {2: 3}, "c": [1.0, 2.0]}),
        ("n.m=3", {"n.m": int}, {"n.m": 3}),
        ("s=a b;c:d/e", {"s": str}, {"s": "a b;c:d/e"}),
        ("l=[a, b ,c]", {"l": str}, {"l": ["a", "b", "c"]}),
        ("l=[1,,2]", {"l": int}, {"l": [1, 2]}),
        ("c=x=y", {"c": str}, {"c": "x=y"}),
        ("c=x,", {"c": str}, {"c": "x"}),
        ("c= 1 ,d=3", {"c": str, "d": int}, {"c": "1 ", "d": 3}),
        ("a=True", {"a": bool}, {"a": True}),
        ("a=0", {"a": bool}, {"a": False}),
        *(
            (bad, {"a": int, "b": int, "c": bool}, ValueError)
            for bad in (
                *("a=1;b=2", "a=x", "b[0]=1,b=2", "b=1,b[0]=2", "b[0]=1,b[0]=2", "b[0]=1,b=[2]", "a=1,,b=2", "a=[1,2"),
                *("c=tRue", "c=yes", "a[0]=[1]", "_c=3", "a=1e3", "a=0x10", "a=1.0", "z=1"),
            )
        ),
    ],
)
def test_parse_values_parses_as_in_tf_115(text, types, expected):
    if not isinstance(expected, dict):
        with pytest.raises(expected):
            parse_values(text, types)
    else:
        assert parse_values(text, types) == expected
        assert parse_values("z[1]=1,z=[1,2]," + text, types, ignore_unknown=True) == expected


@pytest.mark.unit
@pytest.mark.parametrize(
    ("name", "value", "after"),
    [
        ("b", 3, 3.0),
        ("e", [], []),
        ("e", [np.int64(4)], [4]),
        ("c", "y", "y"),
        ("d", False, False),
        ("g", 3, 3),
        *(("a", value, ValueError) for value in (3.0, "3", None, [4], True)),
        *(("e", value, ValueError) for value in (3, ["4"], [2.5], (2, 3))),
        *((name, value, ValueError) for name, value in (("c", 3), ("d", 1), ("d", "False"), ("b", True), ("g", [1]))),
        ("nope", 3, KeyError),
    ],
)
def test_hparams_keep_their_types_as_in_tf_115(name, value, after):
    params = hparams()
    if isinstance(after, type):
        with pytest.raises(after):
            params.set_hparam(name, value)
        with pytest.raises(after):
            params.override_from_dict({name: value})
        assert params.values() == hparams().values()
    else:
        params.set_hparam(name, value)
        assert getattr(params, name) == after
        assert type(getattr(params, name)) is type(after)


@pytest.mark.unit
def test_hparams_are_printed_and_looked_up_as_in_tf_115():
    params = hparams()
    assert params.to_json() == '{"a": 1, "b": 2.5, "c": "x", "d": true, "e": [1, 2], "f": [1.5], "g": null}'
    assert HParams(b=1, a=2).to_json(indent=1, separators=(",", ":"), sort_keys=True) == '{\n "a":2,\n "b":1\n}'
    with pytest.raises(TypeError):
        hparams(z=print).to_json()
    assert str(params) == "a=1,b=2.5,c=x,d=True,e=[1, 2],f=[1.5],g=None"
    assert repr(params).startswith("HParams([('a', 1), ('b', 2.5), ('c', 'x'")
    assert ("a" in params, "q" in params) == (True, False)
    assert [params.get("a"), params.get("q"), params.get("q", 4), params.get("b", 2)] == [1, None, 4, 2.5]
    assert [params.get("e", [3]), params.get("g", 3), params.get("f", [])] == [[1, 2], None, [1.5]]
    for name, default in (("a", "s"), ("a", 2.5), ("e", [1.5]), ("e", 3), ("a", [3])):
        with pytest.raises(ValueError, match=name):
            params.get(name, default)
    assert params.parse_json('{"a": 9, "e": [3]}').values() == {**hparams().values(), "a": 9, "e": [3]}
    assert params.set_from_map({"a": 4}).a == 4
    assert HParams(a=(1, 2)).parse("a=[3,4]").a == [3, 4]


@pytest.mark.unit
def test_hparams_can_be_added_removed_and_copied():
    params = hparams()
    for name, value in (("a", 1), ("parse", 1), ("n", [])):
        with pytest.raises(ValueError, match=name):
            params.add_hparam(name, value)
    params.add_hparam("n", 5)
    assert params.n == 5
    params.del_hparam("n")
    params.del_hparam("n")
    assert not hasattr(params, "n")
    assert "n" not in params
    params.set_model_structure(3)
    for twin in (copy.copy(params), copy.deepcopy(params), pickle.loads(pickle.dumps(params))):
        assert twin.values() == params.values()
        assert twin.get_model_structure() == 3
        assert twin.parse("a=5").a == 5
    assert params.a == 1


@pytest.mark.integration
def test_a_train_op_clips_gradients_and_counts_steps():
    with tf.Graph().as_default(), tf.Session() as session:
        weight = tf.Variable([3.0, 4.0])
        loss = tf.reduce_sum(weight**2)
        tf.train.get_or_create_global_step()
        operation = training.create_train_op(
            loss, tf.train.GradientDescentOptimizer(1.0), transform_grads_fn=training.clip_gradient_norms_fn(5.0)
        )
        session.run(tf.global_variables_initializer())
        assert session.run(operation) == 25
        np.testing.assert_allclose(session.run(weight), [0, 0], atol=1e-6)
        assert session.run(tf.train.get_global_step()) == 1


@pytest.mark.unit
def test_missing_names_and_datasets_raise_errors_with_advice():
    with pytest.raises(NotImplementedError, match=r"use tf\.data\.experimental\.rejection_resample"):
        training.stratified_sample(None, None)
    with pytest.raises(NotImplementedError, match=r"tf\.contrib\.learn\.SVM .*use tf\.estimator\.LinearClassifier"):
        contrib.learn.SVM("id")
    with pytest.raises(NotImplementedError, match=r"sklearn\.datasets\.load_iris"):
        contrib.learn.datasets.load_iris()
    with pytest.raises(ValueError, match="'letters' is not available: boston, dbpedia, iris, mnist"):
        contrib.learn.datasets.load_dataset("letters")


@pytest.mark.integration
def test_load_dataset_reads_the_folder_of_tf_1(data_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.symlink(data_dir, "MNIST-data")
    options = {}
    monkeypatch.setattr(input_data, "read_data_sets", lambda folder: options.update(folder=folder) or "data")
    assert contrib.learn.datasets.load_dataset("mnist") == "data"
    assert options == {"folder": "MNIST-data"}
    assert contrib.learn.datasets.mnist.DataSet is input_data.DataSet


@pytest.mark.integration
def test_dbpedia_is_read_from_the_archive(tmp_path, monkeypatch):
    monkeypatch.setenv("TF_EXP_BASE_DIR", str(tmp_path))
    (tmp_path / "dbpedia_data").mkdir()
    with tarfile.open(tmp_path / "dbpedia_data/dbpedia_csv.tar.gz", "w:gz") as archive:
        for name, count in (("train", 1500), ("test", 2)):
            rows = "".join(f'{number % 15},"title, {number}",text\n' for number in range(count))
            member = tarfile.TarInfo(f"dbpedia_csv/{name}.csv")
            member.size = len(rows)
            archive.addfile(member, io.BytesIO(rows.encode()))
    small = contrib.learn.datasets.load_dataset("dbpedia")
    assert small.train.data.tolist() == [["title, 0", "text"], ["title, 1000", "text"]]
    assert small.train.target.tolist() == [0, 10]
    assert small.train.target.dtype == np.int32
    assert (len(small.test.target), small.validation) == (1, None)
    assert len(contrib.learn.datasets.load_dataset("dbpedia", size="large").train.target) == 1500
    made = contrib.learn.datasets.load_dataset("dbpedia", test_with_fake_data=True)
    assert (made.train.data.shape, made.train.target.tolist(), made.test.target.tolist()) == ((3, 2), [1, 2, 3], [2])


@pytest.mark.integration
def test_maybe_download_downloads_a_file_only_once(tmp_path):
    source = tmp_path / "source"
    source.write_text("first")
    for text in ("first", "second"):
        source.write_text(text)
        path = contrib.learn.datasets.base.maybe_download("file", str(tmp_path / "new"), source.as_uri())
        assert path == str(tmp_path / "new/file")
        with open(path) as file:
            assert file.read() == "first"


@pytest.mark.integration
def test_csv_files_become_arrays(tmp_path):
    base, path = contrib.learn.datasets.base, str(tmp_path / "iris.csv")
    (tmp_path / "iris.csv").write_text("2,3,setosa\n6.4,2.8,5.6,2\n5.0,2.3,3.3,1\n")
    data = contrib.learn.datasets.load_iris(path)
    np.testing.assert_array_equal(data.data, [[6.4, 2.8, 5.6], [5.0, 2.3, 3.3]])
    assert (data.data.dtype, data.target.tolist()) == (float, [2, 1])
    data = base.load_csv_with_header(path, target_dtype=float, features_dtype=np.float32, target_column=0)
    assert (data.target.tolist(), data.data.dtype, data.data[0].tolist()[2]) == ([6.4, 5.0], np.float32, 2)
    (tmp_path / "iris.csv").write_text("1,2,0\n3,4,1\n")
    data = base.load_csv_without_header(path, target_dtype=int, features_dtype=int)
    assert (data.data.tolist(), data.target.tolist()) == ([[1, 2], [3, 4]], [0, 1])
    (tmp_path / "iris.csv").write_text("5,2\n3,4,1\n")
    with pytest.raises(ValueError, match=r"5 rows of 2 features: \(1, 2\)"):
        base.load_csv_with_header(path, target_dtype=int, features_dtype=int, target_column=0)


@pytest.mark.integration
def test_a_run_config_accepts_the_old_arguments(tmp_path):
    config = contrib.learn.RunConfig(model_dir=str(tmp_path), num_cores=2, gpu_memory_fraction=0.5, tf_random_seed=4)
    assert isinstance(config, tf.estimator.RunConfig)
    assert (config.save_checkpoints_secs, config.save_checkpoints_steps) == (600, None)
    assert (config.tf_config.intra_op_parallelism_threads, config.tf_random_seed) == (2, 4)
    assert config.session_config.gpu_options.per_process_gpu_memory_fraction == 0.5
    config = contrib.learn.RunConfig(save_checkpoints_steps=10).replace(model_dir="there")
    assert (config.save_checkpoints_secs, config.save_checkpoints_steps, config.model_dir) == (None, 10, "there")
    with pytest.raises(ValueError, match="TF_CONFIG"):
        contrib.learn.RunConfig(master="grpc://127.0.0.1:1")


def model_fn(features, labels, mode, params):
    weight = tf.get_variable("weight", [], initializer=tf.zeros_initializer())
    predictions = features["x"] * weight
    if mode == contrib.learn.ModeKeys.INFER:
        return tf.estimator.EstimatorSpec(mode, predictions={"y": predictions})
    loss = tf.reduce_mean((predictions - labels) ** 2)
    step = tf.train.GradientDescentOptimizer(params.rate).minimize(loss, tf.train.get_global_step())
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=step)


def input_fn():
    return tf.data.Dataset.from_tensors(({"x": [1.0, 2.0]}, [2.0, 4.0])).repeat(40)


def serving_input_fn():
    x = tf.placeholder(tf.float32, [None])
    return contrib.learn.InputFnOps({"x": x}, None, {"x": x})


def experiment(run_config, params, **options):
    return contrib.learn.Experiment(
        tf.estimator.Estimator(model_fn, config=run_config, params=params),
        train_input_fn=input_fn,
        eval_input_fn=input_fn,
        train_steps=20,
        eval_steps=1,
        **options,
    )


@pytest.fixture
def run_config(tmp_path):
    return contrib.learn.RunConfig(model_dir=str(tmp_path / "run"), save_checkpoints_steps=5, tf_random_seed=1)


@pytest.mark.integration
def test_an_experiment_trains_evaluates_at_checkpoints_and_exports(run_config):
    seen = []

    class Seen(tf.train.SessionRunHook):
        def end(self, session):
            seen.append(int(session.run(tf.train.get_global_step())))

    strategy = contrib.learn.utils.saved_model_export_utils.make_export_strategy(serving_input_fn, exports_to_keep=1)
    result, (exported,) = contrib.learn.learn_runner.run(
        lambda config, params: experiment(config, params, export_strategies=[strategy], eval_hooks=[Seen()]),
        run_config=run_config,
        hparams=HParams(rate=0.05),
    )
    assert (result["global_step"], seen) == (20, [5, 10, 15, 20])
    assert result["loss"] < 1e-3
    folder = os.path.join(run_config.model_dir, "export", "Servo")
    assert [os.path.join(folder, name) for name in os.listdir(folder)] == [tf.compat.as_str(exported)]
    assert os.path.isfile(os.path.join(folder, os.listdir(folder)[0], "saved_model.pb"))


@pytest.mark.unit
def test_serving_input_fns_return_the_tensors_of_1_15():
    utils = contrib.learn.utils.input_fn_utils
    assert utils.InputFnOps is contrib.learn.InputFnOps
    with tf.Graph().as_default():
        spec = {"x": tf.FixedLenFeature([2], tf.float32)}
        features, labels, inputs = utils.build_parsing_serving_input_fn(spec, 3)()
        assert (list(features), features["x"].shape.as_list(), labels) == (["x"], [3, 2], None)
        assert [(name, tensor.dtype, tensor.shape.as_list()) for name, tensor in inputs.items()] == [
            ("examples", tf.string, [3])
        ]
        features, labels, inputs = utils.build_default_serving_input_fn({"x": tf.zeros([5, 2], tf.int32)})()
        assert (features["x"].dtype, features["x"].shape.as_list(), labels) == (tf.int32, [None, 2], None)
        assert inputs == features
        assert features["x"].op.type == "Placeholder"


@pytest.mark.integration
def test_an_experiment_has_the_schedules_of_1_15(run_config):
    made = experiment(run_config, HParams(rate=0.05), min_eval_frequency=0, train_steps_per_iteration=8)
    assert made.test()["global_step"] == 1
    assert made.evaluate(delay_secs=0)["global_step"] == 1
    result, exports = made.continuous_train_and_eval()
    assert (result["global_step"], exports) == (25, [])
    assert made.train_and_evaluate()[0]["global_step"] == 25, "there are no steps left to train"
    assert made.continuous_eval(delay_secs=0)[0]["global_step"] == 25
    assert os.path.isdir(os.path.join(run_config.model_dir, "eval_one_pass"))
    run, folder = contrib.learn.learn_runner.run, run_config.model_dir
    assert run(lambda _: made, folder, schedule="train") is made.estimator
    with pytest.raises(ValueError, match="'walk' is not a method"):
        run(lambda _: made, folder, schedule="walk")
    with pytest.raises(ValueError, match="exactly one"):
        run(lambda _: made)
    with pytest.raises(TypeError, match="must return an Experiment"):
        run(lambda _: None, folder)


@pytest.mark.unit
def test_tune_runs_every_trial_of_the_tuner():
    trials = []

    class Tuner:
        def next_trial(self):
            return len(trials) < 3

        def run_experiment(self, experiment_fn):
            trials.append(experiment_fn)

    contrib.learn.learn_runner.tune(experiment, Tuner())
    assert trials == [experiment] * 3
