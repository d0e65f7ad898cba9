"""Real checkpoints, with their files flipped, cut, emptied and removed."""

import logging
import os
import random
import shutil

import numpy as np
import pytest
from conftest import steps_in, variables

from cnn_estimator import checkpoints, evaluation, recipes, training
from cnn_estimator.errors import UserError
from cnn_estimator.tf1 import tf


@pytest.fixture(scope="module")
def settings(data_dir):
    return recipes.settings(recipes.find("fashion_dense"), batch_size=20, seed=3, data_dir=data_dir)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, settings):
    """A model_dir with checkpoints of steps 0, 10, 20 and 30."""
    model_dir = tmp_path_factory.mktemp("trained") / "run"
    training.train(settings, str(model_dir), steps=30, save_every=10)
    assert steps_in(model_dir) == [0, 10, 20, 30]
    return model_dir


@pytest.fixture
def model_dir(tmp_path, trained):
    """A copy of it, to be damaged."""
    return shutil.copytree(trained, tmp_path / "run")


def flip(path):
    """Turns over one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def cut(path):
    """Leaves half of a file, as a crash of the machine does."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def remove(path):
    path.unlink()


DAMAGES = [flip, cut, empty, remove]
INDEX, DATA, META = "model.ckpt-30.index", "model.ckpt-30.data-00000-of-00001", "model.ckpt-30.meta"


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", [INDEX, DATA])
def test_a_damaged_checkpoint_is_named_and_passed_over(trained, model_dir, settings, caplog, damage, file):
    damage(model_dir / file)
    with caplog.at_level(logging.WARNING, "cnn_estimator"):
        result = evaluation.evaluate(str(model_dir)).metrics
    (line,) = [record.getMessage() for record in caplog.records if record.name == "cnn_estimator"]
    assert line.startswith(f"{model_dir}/model.ckpt-30")
    assert line.endswith(", passed over for model.ckpt-20")
    assert (result["global_step"], result["checkpoint"]) == (20, f"{model_dir}/model.ckpt-20")
    training.train(settings, str(model_dir), max_steps=30)
    assert variables(model_dir) == variables(trained)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", [META, "checkpoint", "graph.pbtxt"])
def test_other_files_cost_no_step(trained, model_dir, settings, damage, file):
    damage(model_dir / file)
    assert evaluation.evaluate(str(model_dir)).metrics["global_step"] == 30
    training.train(settings, str(model_dir), steps=1)
    assert tf.train.latest_checkpoint(str(model_dir)) == f"{model_dir}/model.ckpt-31"
    assert steps_in(model_dir) == [0, 10, 20, 30, 31]


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"\0" * 100,
        b"model_checkpoint_path: 7",
        b'all_model_checkpoint_paths: "model.ckpt-30"',
        b'model_checkpoint_path: "model.ckpt-40"',
        b'model_checkpoint_path: "/elsewhere/model.ckpt-30"\nall_model_checkpoint_paths: "/elsewhere/model.ckpt-30"',
        b'model_checkpoint_path: "/"',
    ],
)
def test_a_state_file_that_says_nothing_true_is_rebuilt(model_dir, settings, content):
    (model_dir / "checkpoint").write_bytes(content)
    assert evaluation.evaluate(str(model_dir)).metrics["global_step"] == 30
    training.train(settings, str(model_dir), steps=1, keep_checkpoints=4)
    state = tf.train.get_checkpoint_state(str(model_dir))
    assert list(state.all_model_checkpoint_paths) == [f"{model_dir}/model.ckpt-{step}" for step in (10, 20, 30, 31)]
    assert steps_in(model_dir) == [10, 20, 30, 31]  # one that the state had lost went as the oldest


def test_the_state_file_may_go_back_to_an_older_checkpoint_which_is_said(model_dir, caplog):
    """As people do by hand."""
    (model_dir / "checkpoint").write_text('model_checkpoint_path: "model.ckpt-10"')
    with caplog.at_level(logging.WARNING, "cnn_estimator"):
        assert evaluation.evaluate(str(model_dir)).metrics["global_step"] == 10
    assert [record.getMessage() for record in caplog.records if record.name == "cnn_estimator"] == [
        f"model.ckpt-{step} is there, but {model_dir}/checkpoint names model.ckpt-10" for step in (30, 20)
    ]


def test_a_checkpoint_of_which_little_is_left_is_one_all_the_same(model_dir, settings):
    for pattern in ("*.index", "*.data-*", "checkpoint"):
        for file in model_dir.glob(pattern):
            file.unlink()
    with pytest.raises(UserError, match="none of its checkpoints is intact"):
        training.train(settings, str(model_dir), steps=1)


@pytest.mark.parametrize("damage", DAMAGES)
def test_without_an_intact_checkpoint_nothing_begins_at_step_0(model_dir, settings, damage):
    for file in model_dir.glob("*.index"):
        damage(file)
    before = sorted(os.listdir(model_dir))
    for verb in (
        lambda: evaluation.evaluate(str(model_dir)),
        lambda: training.train(settings, str(model_dir), steps=1),
    ):
        with pytest.raises(UserError, match=f"^model_dir {model_dir}: none of its checkpoints is intact: ") as caught:
            verb()
        for step in (0, 10, 20, 30):
            assert f"{model_dir}/model.ckpt-{step}" in str(caught.value)
        assert "--fresh" in str(caught.value)
        assert "\n" not in str(caught.value)
    assert sorted(os.listdir(model_dir)) == before
    training.train(settings, str(model_dir), steps=1, fresh=True)
    assert steps_in(model_dir) == [0, 1]
    assert sorted(os.listdir(f"{model_dir}.1")) == before


def test_every_bit_of_the_index_is_proved(trained, tmp_path):
    """Each bit that is turned over is found, or changes no tensor."""
    intact = variables(trained / "model.ckpt-30")
    index = (trained / INDEX).read_bytes()
    shutil.copy(trained / DATA, tmp_path)
    found = 0
    for position in range(8 * len(index)):
        damaged = bytearray(index)
        damaged[position // 8] ^= 1 << position % 8
        (tmp_path / INDEX).write_bytes(damaged)
        try:
            checkpoints.prove(str(tmp_path / "model.ckpt-30"))
        except UserError:
            found += 1
        else:
            assert variables(tmp_path / "model.ckpt-30") == intact
    assert found > 8 * len(index) / 2


def test_bits_and_cuts_anywhere_in_the_data_are_found(trained, tmp_path):
    data = (trained / DATA).read_bytes()
    shutil.copy(trained / INDEX, tmp_path)
    generator = random.Random(1)
    places = [0, len(data) - 1, *(generator.randrange(len(data)) for _ in range(100))]
    for place in places:
        flipped = bytearray(data)
        flipped[place] ^= 1 << generator.randrange(8)
        for content in (flipped, data[:place]):
            (tmp_path / DATA).write_bytes(content)
            with pytest.raises(UserError, match=r"model\.ckpt-30 is damaged: "):
                checkpoints.prove(str(tmp_path / "model.ckpt-30"))


def test_garbled_files_give_the_modules_own_error(trained, tmp_path):
    generator = random.Random(2)
    files = {name: (trained / name).read_bytes() for name in (INDEX, DATA)}
    for _ in range(500):
        for name, content in files.items():
            garbled = bytearray(content)
            for _ in range(generator.randrange(30)):
                garbled[generator.randrange(len(garbled))] = generator.randrange(256)
            (tmp_path / name).write_bytes(
                garbled[: generator.choice([len(garbled), generator.randrange(len(garbled))])]
            )
        try:
            checkpoints.prove(str(tmp_path / "model.ckpt-30"))
        except UserError:
            continue
        assert variables(tmp_path / "model.ckpt-30") == variables(trained / "model.ckpt-30")


def test_a_folder_without_a_checkpoint_has_none(tmp_path):
    assert checkpoints.newest_intact(str(tmp_path)) is None
    assert checkpoints.newest_intact(str(tmp_path / "missing")) is None
    (tmp_path / "events.out.tfevents.1").write_text("")
    assert not checkpoints.holds_run(str(tmp_path))


def test_a_name_that_tensorflow_reads_as_a_pattern_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"run\[1\]': TensorFlow reads \*, \? and \[ as patterns"):
        checkpoints.newest_intact(str(tmp_path / "run[1]"))
    with pytest.raises(UserError, match="TensorFlow reads"):
        checkpoints.find(str(tmp_path / "run[1]"), "model.ckpt-1")


def save(path, **values):
    """Writes a checkpoint of {name: numpy array}, with __ for the / of a name."""
    with tf.Graph().as_default(), tf.Session() as session:
        names = {name: name.replace("__", "/") for name in values}
        made = [tf.get_variable(names[name], initializer=tf.constant(value)) for name, value in values.items()]
        session.run(tf.global_variables_initializer())
        tf.train.Saver(made).save(session, str(path))


@pytest.mark.parametrize("values", [{"kernel": 1.0}, {"global_step": np.array([1, 2])}, {"global_step": 1.5}])
def test_a_checkpoint_that_estimator_did_not_write_is_refused(tmp_path, values):
    save(tmp_path / "model.ckpt", **values)
    with pytest.raises(UserError, match=r"model\.ckpt has no global_step"):
        checkpoints.newest_intact(str(tmp_path))


DENSE = {
    "global_step": np.int64(5),
    "dense__kernel": np.ones([784, 128], np.float32),
    "dense__bias": np.ones(128, np.float32),
    "dense_1__kernel": np.ones([128, 10], np.float32),
    "dense_1__bias": np.ones(10, np.float32),
}


def test_variables_of_another_type_do_not_fit(tmp_path, data_dir):
    save(tmp_path / "model.ckpt-5", **DENSE | {"dense__bias": np.ones(128)})
    with pytest.raises(UserError, match=r"dense/bias +reshaped +float64 \[128\] +float32 \[128\]$"):
        evaluation.evaluate(str(tmp_path), recipe=recipes.find("fashion_dense"), data_dir=data_dir)


def test_evaluation_says_which_variables_it_leaves_out(tmp_path, data_dir, caplog):
    more = {"dense_2__bias": np.ones(3, np.float32), "dense__bias__Adam": np.ones(128, np.float32), "beta1_power": 0.9}
    save(tmp_path / "model.ckpt-5", **DENSE, **more)
    with caplog.at_level(logging.WARNING, "cnn_estimator"):
        evaluation.evaluate(str(tmp_path), recipe=recipes.find("fashion_dense"), data_dir=data_dir)
    (said,) = [record.getMessage() for record in caplog.records if record.name == "cnn_estimator"]
    assert said == "variables that network dense_128 does not have: dense_2/bias"


@pytest.mark.parametrize(
    ("wanted", "place"),
    [
        ("20", "model.ckpt-20"),
        ("model.ckpt-20", "model.ckpt-20"),
        ("{model_dir}/model.ckpt-20", "model.ckpt-20"),
        ("{model_dir}/model.ckpt-20.index", "model.ckpt-20"),
        ("{model_dir}/model.ckpt-20.data-00000-of-00001", "model.ckpt-20"),
    ],
)
def test_one_checkpoint_is_evaluated_by_step_or_path(trained, tmp_path, wanted, place):
    if "{" in wanted:
        asked_in, wanted = tmp_path, wanted.format(model_dir=trained)
    else:
        asked_in = trained
    result = evaluation.evaluate(str(asked_in), checkpoint=wanted).metrics
    assert (result["global_step"], result["checkpoint"]) == (20, f"{trained}/{place}")


def test_a_checkpoint_that_is_not_there_or_damaged_is_an_error(model_dir):
    there = "it has model.ckpt-0, model.ckpt-10, model.ckpt-20, model.ckpt-30"
    for wanted, name in (("7", "model.ckpt-7"), ("typo", "typo"), ("9" * 5000, "model.ckpt-9")):
        with pytest.raises(UserError, match=f"^model_dir {model_dir} holds no checkpoint {name}.*: {there}$"):
            evaluation.evaluate(str(model_dir), checkpoint=wanted)
    flip(model_dir / DATA)
    with pytest.raises(UserError, match=r"model\.ckpt-30 is damaged: "):
        evaluation.evaluate(str(model_dir), checkpoint="30")


def test_what_a_killed_trainer_left_unfinished_is_removed(model_dir, settings):
    leftovers = ["checkpoint.tmp" + "0a" * 16, "model.ckpt-30.meta.tmp" + "1b" * 16]
    for name in leftovers:
        (model_dir / name).write_text("")
    (model_dir / "model.ckpt-40_temp").mkdir()
    (model_dir / "model.ckpt-40_temp" / "part-00000-of-00001.index").write_text("")
    (model_dir / "mine.tmp").write_text("")
    training.train(settings, str(model_dir), steps=1)
    assert not {*leftovers, "model.ckpt-40_temp"} & set(os.listdir(model_dir))
    assert (model_dir / "mine.tmp").exists()


def test_the_checkpoint_that_training_goes_on_from_is_not_written_again(model_dir, settings):
    """TensorFlow empties an index before it writes it: a full disk, or a kill, would leave neither old nor new."""
    os.utime(model_dir / INDEX, (1, 1))
    training.train(settings, str(model_dir), steps=1)
    assert (model_dir / INDEX).stat().st_mtime == 1


def test_a_checkpoint_that_is_deleted_while_it_is_copied_is_picked_again(trained, model_dir):
    """As a trainer that goes on does, when it keeps few."""
    picked = []

    def pick():
        picked.append(checkpoints.newest_intact(str(model_dir)))
        if len(picked) == 1:
            for name in (INDEX, DATA):
                (model_dir / name).unlink()
        return picked[-1]

    with checkpoints.copied(pick) as (checkpoint, copy):
        shutil.rmtree(model_dir)
        assert variables(copy.path) == variables(trained / "model.ckpt-20")
    assert [checkpoint.step for checkpoint in picked] == [30, 20]
    assert checkpoint.path == f"{model_dir}/model.ckpt-20"
    assert not os.path.exists(os.path.dirname(copy.path))
