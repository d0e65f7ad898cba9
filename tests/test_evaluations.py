import json

import pytest

from cnn_estimator.errors import UserError
from cnn_estimator.run_dir.checkpoints import best_checkpoint
from cnn_estimator.run_dir.evaluations import EvaluationRecord, ValidationLog

pytestmark = pytest.mark.unit


def record(step, accuracy):
    return EvaluationRecord(step, accuracy, 1.0)


def save(path):
    """Writes what ValidationLog needs of a checkpoint."""
    for suffix in ("index", "data-00000-of-00001"):
        with open(f"{path}.{suffix}", "w"):
            pass


def set_newest(folder, step):
    """Makes TensorFlow's state file name the checkpoint of a step."""
    (folder / "checkpoint").write_text(f'model_checkpoint_path: "model.ckpt-{step}"')


def kept_steps(folder):
    return sorted(int(path.stem.partition("-")[2]) for path in (folder / "best").glob("*.index"))


@pytest.mark.parametrize(
    ("accuracies", "best", "evaluations_since"),
    [((0.5,), 0, 0), ((0.5, 0.6, 0.6, 0.4), 1, 2), ((0.7, 0.6, 0.65), 0, 2), ((0.1, 0.2, 0.3), 2, 0)],
)
def test_the_first_of_the_highest_accuracies_is_best(tmp_path, accuracies, best, evaluations_since):
    log = ValidationLog(str(tmp_path), last_step=0)
    for step, accuracy in enumerate(accuracies):
        log.add(record(step, accuracy), None)
    assert log.best == log.records[best]
    for early_stopping in range(1, 4):
        assert log.out_of_patience(early_stopping) == (early_stopping <= evaluations_since)
    assert not log.out_of_patience(None)


def test_later_records_are_forgotten(tmp_path):
    log = ValidationLog(str(tmp_path), last_step=0)
    for step in (10, 20, 30):
        log.add(record(step, 0.5), None)
    resumed = ValidationLog(str(tmp_path), last_step=20)
    assert resumed.records == log.records[:2]
    assert len((tmp_path / "validation.jsonl").read_text().splitlines()) == 3
    resumed.cut_back(keep_best=False)
    assert ValidationLog(str(tmp_path), last_step=30).records == log.records[:2]


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[1]",
        '"x"',
        '{"step": 1}',
        '{"step": "1", "accuracy": 1, "loss": 1}',
        '{"step": 1, "accuracy": 1, "loss": NaN}',
        '{"step": 1, "accuracy": 1, "loss": 1e999}',
        '{"step": 1, "accuracy": 2, "loss": 1}',
        '{"step": -1, "accuracy": 1, "loss": 1}',
        '{"step": 1, "accuracy": null, "loss": [1]}',
    ],
)
def test_damaged_records_are_an_error(tmp_path, content):
    (tmp_path / "validation.jsonl").write_text(content)
    with pytest.raises(UserError, match=r"validation\.jsonl is damaged: .*: move it away"):
        ValidationLog(str(tmp_path), last_step=5)


def test_only_a_better_checkpoint_is_saved_and_named(tmp_path):
    log = ValidationLog(str(tmp_path), last_step=0)
    set_newest(tmp_path, 0)
    for step, accuracy, best in ((10, 0.5, 10), (20, 0.5, 10), (30, 0.6, 30)):
        log.add(record(step, accuracy), save)
        assert best_checkpoint(str(tmp_path)) == f"model.ckpt-{best}"
        assert kept_steps(tmp_path) == [best]
    best_file = json.loads((tmp_path / "best" / "best.json").read_text())
    assert best_file == {"checkpoint": "model.ckpt-30", "step": 30, "accuracy": 0.6, "loss": 1.0}


def test_the_best_up_to_the_newest_checkpoint_is_kept_for_a_resumed_run(tmp_path):
    log = ValidationLog(str(tmp_path), last_step=0)
    for step, accuracy in ((10, 0.5), (20, 0.6), (30, 0.7)):
        log.add(record(step, accuracy), save)
        set_newest(tmp_path, 10)
    assert kept_steps(tmp_path) == [10, 30]
    resumed = ValidationLog(str(tmp_path), last_step=10)
    assert resumed.keeps_best
    resumed.cut_back(keep_best=False)
    assert best_checkpoint(str(tmp_path)) == "model.ckpt-10"


def test_the_best_checkpoint_is_taken_up_where_the_run_continues_from_it(tmp_path):
    log = ValidationLog(str(tmp_path), last_step=0)
    for step, accuracy in ((10, 0.7), (20, 0.8)):
        save(tmp_path / f"model.ckpt-{step}")
        log.add(record(step, accuracy), None)
    assert log.best_checkpoint is None
    resumed = ValidationLog(str(tmp_path), last_step=20)
    resumed.cut_back(keep_best=True)
    assert resumed.best_checkpoint == str(tmp_path / "best" / "model.ckpt-20")
    assert best_checkpoint(str(tmp_path)) == "model.ckpt-20"
    earlier = ValidationLog(str(tmp_path), last_step=10)
    earlier.cut_back(keep_best=False)
    assert kept_steps(tmp_path) == [10]


def test_only_a_better_checkpoint_follows_the_best_one_that_was_not_kept(tmp_path, caplog):
    log = ValidationLog(str(tmp_path), last_step=0)
    log.add(record(10, 0.8), None)
    log.cut_back(keep_best=True)
    assert "step 10 has the highest validation accuracy, 0.8000, and its checkpoint was not kept" in caplog.text
    log.add(record(20, 0.5), save)
    assert not (tmp_path / "best").exists()
    log.add(record(30, 0.9), save)
    assert log.best_checkpoint == str(tmp_path / "best" / "model.ckpt-30")
    assert best_checkpoint(str(tmp_path)) == "model.ckpt-30"


def test_best_json_never_names_a_checkpoint_that_is_not_the_best(tmp_path):
    """An earlier release kept the best of the checkpoints of one call."""
    log = ValidationLog(str(tmp_path), last_step=0)
    log.add(record(10, 0.5), save)
    log.add(record(20, 0.8), None)
    log.cut_back(keep_best=False)
    with pytest.raises(UserError, match="keeps no best checkpoint"):
        best_checkpoint(str(tmp_path))


def test_a_record_is_written_after_its_checkpoint(tmp_path):
    log = ValidationLog(str(tmp_path), last_step=0)

    def killed(path):
        save(path)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        log.add(record(10, 0.5), killed)
    assert ValidationLog(str(tmp_path), last_step=10).records == []


@pytest.mark.parametrize("content", ["{", "[1]", '{"checkpoint": 1}'])
def test_a_damaged_best_file_is_an_error(tmp_path, content):
    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "best.json").write_text(content)
    with pytest.raises(UserError, match=r"best\.json is damaged"):
        best_checkpoint(str(tmp_path))


def test_a_model_dir_without_a_best_checkpoint_is_an_error(tmp_path):
    with pytest.raises(UserError, match=f"^model_dir {tmp_path} keeps no best checkpoint: train there with keep_best$"):
        best_checkpoint(str(tmp_path))


def test_nothing_is_the_best_when_no_record_is_left(tmp_path):
    log = ValidationLog(str(tmp_path), last_step=0)
    log.add(record(10, 0.5), save)
    ValidationLog(str(tmp_path), last_step=5).cut_back(keep_best=False)
    with pytest.raises(UserError, match="keeps no best checkpoint"):
        best_checkpoint(str(tmp_path))
