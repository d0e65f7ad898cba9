"""Real checkpoints, with their files flipped, cut, emptied and removed."""

import logging
import os
import random
import re
import shutil

import numpy as np
import pytest
from helpers import steps_in, variables

from cnn_estimator import evaluation, training
from cnn_estimator.errors import UserError
from cnn_estimator.run_dir import checkpoints
from cnn_estimator.tf1 import tf

pytestmark = pytest.mark.integration

STEPS = [0, 30, 60, 90, 120]  # of the fixture's checkpoints


def train(model_dir, **options):
    """Continues the run of the fixture, whose learning rate is not the recipe's."""
    return training.train(str(model_dir), "fashion_dense", learning_rate=0.005, **options)


def flip(path):
    """Flips one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def cut(path):
    """Leaves half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def remove(path):
    path.unlink()


DAMAGES = [flip, cut, empty, remove]
INDEX = "model.ckpt-120.index"
DATA = "model.ckpt-120.data-00000-of-00001"
META = "model.ckpt-120.meta"


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "cnn_estimator"]


def snapshot_error(model_dir, wanted):
    with pytest.raises(UserError) as caught, checkpoints.snapshot(str(model_dir), wanted):
        pass
    return str(caught.value)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", [INDEX, DATA])
def test_a_damaged_checkpoint_is_named_and_skipped(model_dir, caplog, damage, file):
    damage(model_dir / file)
    with checkpoints.snapshot(str(model_dir)) as snapshot:
        assert snapshot.original == checkpoints.Checkpoint(f"{model_dir}/model.ckpt-90", 90)
    (warning,) = warnings(caplog)
    assert warning.startswith(f"skipped a checkpoint: {model_dir}/model.ckpt-120")
    assert warning.endswith(". Using model.ckpt-90")
    assert checkpoints.newest_intact(str(model_dir)) == snapshot.original


def test_a_run_with_a_damaged_checkpoint_ends_in_the_same_bits(trained, model_dir):
    flip(model_dir / DATA)
    assert evaluation.evaluate(str(model_dir)).metrics["checkpoint"] == f"{model_dir}/model.ckpt-90"
    train(model_dir, max_steps=120)
    assert variables(model_dir) == variables(trained)


@pytest.mark.newest
@pytest.mark.parametrize("damage", [cut, remove])
def test_damage_to_other_files_costs_no_step(model_dir, damage):
    for file in (META, "checkpoint", "graph.pbtxt"):
        damage(model_dir / file)
    train(model_dir, steps=1)
    assert tf.train.latest_checkpoint(str(model_dir)) == f"{model_dir}/model.ckpt-121"
    assert steps_in(model_dir) == [*STEPS[1:], 121]  # also the oldest, which the state file had lost, was deleted


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"model_checkpoint_path: 7",
        b'model_checkpoint_path: "model.ckpt-130"',
        b'model_checkpoint_path: "/elsewhere/model.ckpt-120"\nall_model_checkpoint_paths: "/elsewhere/model.ckpt-120"',
    ],
    ids=repr,
)
def test_a_wrong_state_file_is_rebuilt(model_dir, caplog, content):
    (model_dir / "checkpoint").write_bytes(content)
    newest = checkpoints.newest_intact(str(model_dir))
    assert newest == checkpoints.Checkpoint(f"{model_dir}/model.ckpt-120", 120)
    checkpoints.rebuild_state(str(model_dir), newest)
    assert f"rebuilt {model_dir}/checkpoint from the files" in caplog.messages
    state = tf.train.get_checkpoint_state(str(model_dir))
    assert list(state.all_model_checkpoint_paths) == [f"{model_dir}/model.ckpt-{step}" for step in STEPS]


def test_a_user_may_make_the_state_file_name_an_older_checkpoint(model_dir):
    (model_dir / "checkpoint").write_text('model_checkpoint_path: "model.ckpt-30"')
    assert checkpoints.newest_intact(str(model_dir)).step == 30
    assert checkpoints.last_saved_step(str(model_dir)) == 30


def test_the_last_saved_step_is_the_one_that_the_state_file_names(model_dir, tmp_path):
    assert checkpoints.last_saved_step(str(model_dir)) == 120
    assert checkpoints.last_saved_step(str(tmp_path / "missing")) == 0


def test_without_an_intact_checkpoint_nothing_starts_at_step_0(model_dir):
    for file in model_dir.glob("*.index"):
        flip(file)
    before = sorted(os.listdir(model_dir))
    start = re.escape(f"model_dir {model_dir}: none of its checkpoints is intact: ")
    for verb in (evaluation.evaluate, train):
        with pytest.raises(UserError, match=f"^{start}") as caught:
            verb(str(model_dir))
        for step in STEPS:
            assert f"{model_dir}/model.ckpt-{step}" in str(caught.value)
        assert str(caught.value).endswith("or archive this run and start over with fresh")
        assert "\n" not in str(caught.value)
    assert sorted(os.listdir(model_dir)) == before
    train(model_dir, steps=1, fresh=True)
    assert steps_in(model_dir) == [0, 1]
    assert sorted(os.listdir(f"{model_dir}.1")) == before


def verify_or_refuse(path, intact):
    """Returns False if a damaged checkpoint is refused; otherwise its variables are the intact ones."""
    try:
        checkpoints.verify(path)
    except UserError:
        return False
    assert variables(path) == intact
    return True


def test_each_flipped_bit_in_the_index_is_found_or_changes_no_variable(trained, tmp_path):
    path = str(tmp_path / "model.ckpt-120")
    intact = variables(trained / "model.ckpt-120")
    index = (trained / INDEX).read_bytes()
    shutil.copy(trained / DATA, tmp_path)
    refused = 0
    for bit in range(0, 8 * len(index), 5):  # in each byte one or two
        damaged = bytearray(index)
        damaged[bit // 8] ^= 1 << bit % 8
        (tmp_path / INDEX).write_bytes(damaged)
        refused += not verify_or_refuse(path, intact)
    assert refused > 0.8 * len(index)


def varint(number):
    """Seven bits per byte, the lowest first."""
    content = b""
    while number > 127:
        content += bytes([number & 127 | 128])
        number >>= 7
    return content + bytes([number])


@pytest.mark.parametrize("place", range(4))
def test_a_footer_that_points_outside_the_index_is_refused(trained, tmp_path, place):
    """TensorFlow's reader aborts the process over it."""
    index = (trained / INDEX).read_bytes()
    shutil.copy(trained / DATA, tmp_path)
    for number in (len(index) - 53, len(index), 2**31, 2**32, 2**60, 2**63, 2**64 - 1):
        numbers = [1, 1, 1, 1]
        numbers[place] = number
        footer = b"".join(map(varint, numbers)).ljust(40, b"\0") + index[-8:]
        (tmp_path / INDEX).write_bytes(index[:-48] + footer)
        with pytest.raises(UserError, match="is damaged: its index is cut off or damaged"):
            checkpoints.verify(str(tmp_path / "model.ckpt-120"))


def test_flipped_bits_and_cuts_in_the_data_are_found(trained, tmp_path):
    data = (trained / DATA).read_bytes()
    shutil.copy(trained / INDEX, tmp_path)
    generator = random.Random(1)
    for place in [0, len(data) - 1, *(generator.randrange(len(data)) for _ in range(50))]:
        flipped = bytearray(data)
        flipped[place] ^= 1 << generator.randrange(8)
        for content in (flipped, data[:place]):
            (tmp_path / DATA).write_bytes(content)
            with pytest.raises(UserError, match=r"model\.ckpt-120 is damaged: "):
                checkpoints.verify(str(tmp_path / "model.ckpt-120"))


def save_sharded(folder, saver):
    """Writes a checkpoint with a partitioned variable and strings, in as many data files as there are devices."""
    with tf.Graph().as_default(), tf.Session(config=tf.ConfigProto(device_count={"CPU": 2})) as session:
        with tf.device("/cpu:1"):
            tf.get_variable("names", initializer=tf.constant([b"a", b"b" * 300, b""]))
        with tf.device("/cpu:0"):
            partitioner = tf.variable_axis_size_partitioner(24)
            tf.get_variable("parts", [4, 3], tf.float32, tf.ones_initializer(), partitioner=partitioner)
            tf.train.get_or_create_global_step()
        session.run(tf.global_variables_initializer())
        saver().save(session, f"{folder}/model.ckpt", global_step=7)


def test_a_checkpoint_with_several_data_files_is_read_whole(tmp_path):
    save_sharded(tmp_path, lambda: tf.train.Saver(sharded=True))
    assert sorted(path.name for path in tmp_path.glob("*.data-*")) == [
        f"model.ckpt-7.data-0000{number}-of-00002" for number in range(2)
    ]
    with checkpoints.snapshot(str(tmp_path)) as snapshot:
        assert tf.train.load_checkpoint(snapshot.copy.path).get_tensor("parts").shape == (4, 3)
    for file in tmp_path.glob("*.data-*"):
        content = file.read_bytes()
        flip(file)
        with pytest.raises(UserError, match="none of its checkpoints is intact"):
            checkpoints.newest_intact(str(tmp_path))
        file.write_bytes(content)
    checkpoints.sync_checkpoint(str(tmp_path / "model.ckpt-7"))
    checkpoints.remove_others(str(tmp_path), {8})
    assert os.listdir(tmp_path) == ["checkpoint"]


def test_a_folder_without_a_checkpoint_has_none(tmp_path):
    assert checkpoints.newest_intact(str(tmp_path)) is None
    assert checkpoints.newest_intact(str(tmp_path / "missing")) is None
    (tmp_path / "events.out.tfevents.1").write_text("")
    assert not checkpoints.has_checkpoints(str(tmp_path))


@pytest.mark.parametrize("name", ["run[1]", "a*", "a?", "a\\b"])
def test_a_name_that_tensorflow_does_not_find_again_is_refused(tmp_path, name):
    folder = tmp_path / name
    problem = r"TensorFlow reads \*, \?, \[ and \\ as patterns"
    pattern = rf"^model_dir {re.escape(repr(str(folder)))}: {problem}: choose another model_dir$"
    for refuse in (checkpoints.newest_intact, checkpoints.has_checkpoints):
        with pytest.raises(UserError, match=pattern):
            refuse(str(folder))
    for wanted in ("1", None):
        with pytest.raises(UserError, match=pattern), checkpoints.snapshot(str(folder), wanted):
            pass


def save(path, **values):
    """Writes a checkpoint of {name: numpy array}, with __ for the / of a name."""
    with tf.Graph().as_default(), tf.Session() as session:
        for name, value in values.items():
            tf.get_variable(name.replace("__", "/"), initializer=tf.constant(value))
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, str(path))


@pytest.mark.parametrize("values", [{"kernel": 1.0}, {"global_step": np.array([1, 2])}, {"global_step": 1.5}])
def test_a_checkpoint_that_estimator_did_not_write_is_refused(tmp_path, values):
    save(tmp_path / "model.ckpt", **values)
    with pytest.raises(UserError, match=r"model\.ckpt has no global_step"):
        checkpoints.newest_intact(str(tmp_path))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_checkpoint_that_is_not_finite_is_never_loaded(tmp_path, caplog, value):
    save(tmp_path / "model.ckpt-0", global_step=np.int64(0), dense__kernel=np.array([1, 2], np.float32))
    save(tmp_path / "model.ckpt-1", global_step=np.int64(1), dense__kernel=np.array([1, value], np.float32))
    assert checkpoints.newest_intact(str(tmp_path)).step == 0
    assert "skipped a checkpoint: " in caplog.text
    for file in tmp_path.glob("model.ckpt-0*"):
        file.unlink()
    problem = r"model\.ckpt-1 has values of dense/kernel that are NaN or infinite: its training diverged"
    for wanted in (None, "1"):
        with pytest.raises(UserError, match=problem), checkpoints.snapshot(str(tmp_path), wanted):
            pass


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
        evaluation.evaluate(str(tmp_path), recipe="fashion_dense", data_dir=data_dir)


def test_evaluation_says_which_variables_it_leaves_out(tmp_path, data_dir, caplog):
    one = np.ones(128, np.float32)
    optimizers = {"dense__bias__Adam": one, "beta1_power": 0.9}
    save(tmp_path / "model.ckpt-5", **DENSE, **optimizers, dense_2__bias=one, dense__bias__ExponentialMovingAverage=one)
    with caplog.at_level(logging.WARNING, "cnn_estimator"):
        evaluation.evaluate(str(tmp_path), recipe="fashion_dense", data_dir=data_dir)
    (warning,) = warnings(caplog)
    assert warning.endswith("dense/bias/ExponentialMovingAverage, dense_2/bias")


@pytest.mark.parametrize(
    "wanted",
    [
        "90",
        90,
        "model.ckpt-90",
        "{model_dir}/model.ckpt-90",
        "{model_dir}/model.ckpt-90.index",
        "{model_dir}/model.ckpt-90.data-00000-of-00001",
    ],
)
def test_a_checkpoint_is_requested_by_step_or_path(trained, tmp_path, wanted):
    model_dir = trained
    if "{" in str(wanted):
        model_dir = tmp_path
        wanted = wanted.format(model_dir=trained)
    with checkpoints.snapshot(str(model_dir), wanted) as snapshot:
        assert snapshot.original == checkpoints.Checkpoint(f"{trained}/model.ckpt-90", 90)
        assert snapshot.model_dir == str(trained)


def test_a_missing_or_damaged_checkpoint_is_an_error(model_dir):
    existing = "it has model.ckpt-0, model.ckpt-30, model.ckpt-60, model.ckpt-90, model.ckpt-120"
    for wanted, name in (("7", "model.ckpt-7"), ("typo", "typo")):
        assert snapshot_error(model_dir, wanted) == f"model_dir {model_dir} holds no checkpoint {name}: {existing}"
    flip(model_dir / DATA)
    assert snapshot_error(model_dir, "120").startswith(f"{model_dir}/model.ckpt-120 is damaged: ")


@pytest.mark.newest
def test_what_a_killed_trainer_left_unfinished_is_removed(model_dir):
    leftovers = ["checkpoint.tmp" + "0a" * 16, "model.ckpt-120.meta.tmp" + "1b" * 16]
    for name in leftovers:
        (model_dir / name).write_text("")
    (model_dir / "model.ckpt-130_temp").mkdir()
    (model_dir / "model.ckpt-130_temp" / "part-00000-of-00001.index").write_text("")
    (model_dir / "mine.tmp").write_text("")
    train(model_dir, steps=1)
    assert not {*leftovers, "model.ckpt-130_temp"} & set(os.listdir(model_dir))
    assert (model_dir / "mine.tmp").exists()


def test_the_checkpoint_that_training_continues_from_is_not_written_again(model_dir):
    """TensorFlow empties an index before it writes it: a full disk, or a kill, would leave neither old nor new."""
    os.utime(model_dir / INDEX, (1, 1))
    train(model_dir, steps=1)
    assert (model_dir / INDEX).stat().st_mtime == 1


def delete_while_copying(monkeypatch, *paths):
    """Deletes files after the first file of a checkpoint was copied, as a trainer that keeps few checkpoints does."""
    real = shutil.copy

    def copy(source, target):
        real(source, target)
        for path in paths:
            path.unlink(missing_ok=True)

    monkeypatch.setattr(shutil, "copy", copy)


def test_a_checkpoint_that_is_deleted_while_it_is_copied_is_skipped(trained, model_dir, monkeypatch, caplog):
    delete_while_copying(monkeypatch, model_dir / INDEX, model_dir / DATA)
    with checkpoints.snapshot(str(model_dir)) as snapshot:
        shutil.rmtree(model_dir)
        assert variables(snapshot.copy.path) == variables(trained / "model.ckpt-90")
    assert (snapshot.copy.step, snapshot.model_dir) == (90, str(model_dir))
    assert not os.path.exists(os.path.dirname(snapshot.copy.path))
    (warning,) = warnings(caplog)
    assert f"{model_dir}/{INDEX} cannot be read: No such file or directory. Using model.ckpt-90" in warning


def test_a_requested_checkpoint_that_is_deleted_while_it_is_copied_is_an_error(model_dir, monkeypatch):
    delete_while_copying(monkeypatch, model_dir / INDEX, model_dir / DATA)
    assert "holds no checkpoint model.ckpt-120: it has model.ckpt-0, " in snapshot_error(model_dir, "120")
