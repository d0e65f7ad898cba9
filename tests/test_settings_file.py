import dataclasses
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnn_estimator.data import datasets
from cnn_estimator.errors import UserError
from cnn_estimator.run_dir import settings_file
from cnn_estimator.settings import make_settings

pytestmark = pytest.mark.unit

NAMES = tuple("abcdefghij")
SETTINGS = make_settings("fashion_dense", seed=5, threads=2, class_names=NAMES)
FIELDS = {"version": 7, "dataset": "fashion_mnist", "network": "dense_128"} | dataclasses.asdict(SETTINGS)


def read(folder, content, **arguments):
    (folder / "settings.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return settings_file.read(str(folder), **arguments)


def without(*names):
    return {name: value for name, value in FIELDS.items() if name not in names}


def test_settings_are_read_as_they_were_written(tmp_path):
    for settings in (SETTINGS, dataclasses.replace(SETTINGS, data_dir="/a/ä", learning_rate=1e-7, seed=0)):
        settings_file.write(str(tmp_path), settings)
        assert settings_file.read(str(tmp_path)) == settings
    assert os.listdir(tmp_path) == ["settings.json"]


def test_a_folder_without_settings_has_none(tmp_path):
    assert settings_file.read(str(tmp_path)) is None
    assert settings_file.read(str(tmp_path / "missing")) is None


# {version: the fields that this version of the file had more than the one before}
ADDED = {
    1: ("recipe", "dataset", "network", "optimizer", "learning_rate", "batch_size", "seed", "data_dir"),
    2: ("class_names",),
    3: ("threads",),
    4: ("validation", "precision"),
    5: ("schedule", "warmup_steps", "schedule_steps", "augment", "average_decay"),
    6: ("adam_beta2",),
    7: ("crop", "init_from"),
}


@pytest.mark.parametrize("version", ADDED)
def test_every_version_of_the_file_is_read(tmp_path, monkeypatch, version):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2})
    written = dataclasses.replace(SETTINGS, learning_rate=0.5, data_dir="/gone")
    fields = FIELDS | dataclasses.asdict(written)
    known = [name for number in range(1, version + 1) for name in ADDED[number]]
    expected = dataclasses.replace(
        written,
        class_names=NAMES if version >= 2 else tuple("0123456789"),  # somebody's own data may be anything
        threads=2 if version >= 3 else 3,
    )
    assert read(tmp_path, {name: fields[name] for name in known} | {"version": version}) == expected
    assert {name for names in ADDED.values() for name in names} == {*FIELDS} - {"version"}


@pytest.mark.parametrize("version", [None, 7, 8, "x"])
def test_a_missing_field_takes_the_recipes_value_whatever_the_version(tmp_path, version):
    fields = without("batch_size", "precision", "validation", "schedule_steps", "dataset", "network", "data_dir")
    assert read(tmp_path, fields | {"version": version}) == SETTINGS


def test_missing_class_names_come_from_the_data(tmp_path):
    fields = without("class_names")
    assert read(tmp_path, fields).class_names == datasets.FASHION_MNIST.class_names
    (tmp_path / "class_names.txt").write_text("\n".join(NAMES))
    assert read(tmp_path, fields | {"data_dir": str(tmp_path)}).class_names == NAMES
    assert read(tmp_path, fields | {"data_dir": "/gone"}, data_dir=str(tmp_path)).class_names == NAMES


@pytest.mark.parametrize("name", ["recipe", "seed"])
def test_a_field_without_a_default_is_named(tmp_path, name):
    with pytest.raises(UserError, match=f"cannot be read: {name} is missing: fix it, or move it away and name the"):
        read(tmp_path, without(name))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "not JSON: Expecting value"),
        ("{", "not JSON: "),
        ("[]", "not a JSON object"),
        ({"colour": 1}, "'colour' is not a setting"),
        ({"recipe": "fashion_cmn"}, "recipe 'fashion_cmn': no such name, did you mean fashion_cnn"),
        ({"learning_rate": float("nan")}, "learning_rate nan: not a number"),
        ({"seed": None}, "seed None: not an integer"),
        ({"class_names": [*NAMES[:9], "a"]}, "class_names .*: not 2 to 1000 different class names"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_settings_that_were_damaged_or_edited_are_refused_by_field(tmp_path, content, problem):
    with pytest.raises(UserError, match=rf"^{tmp_path}/settings.json cannot be read: ({problem})") as caught:
        read(tmp_path, FIELDS | content if isinstance(content, dict) else content)
    assert "\n" not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=8), values, max_size=3),
    max_leaves=6,
)
CHANGED = st.dictionaries(st.sampled_from([*FIELDS, "x"]), JSON, max_size=3).map(lambda fields: FIELDS | fields)


@given(
    st.binary(max_size=200)
    | JSON.map(lambda value: json.dumps(value).encode())
    | CHANGED.map(lambda fields: json.dumps(fields).encode())
)
def test_any_bytes_give_settings_or_a_user_error(tmp_path_factory, content):
    folder = tmp_path_factory.getbasetemp() / "settings"
    folder.mkdir(exist_ok=True)
    (folder / "settings.json").write_bytes(content)
    try:
        settings = settings_file.read(str(folder))
    except UserError as error:
        message = str(error)
    else:
        settings_file.write(str(folder), settings)
        assert settings_file.read(str(folder)) == settings
        return
    assert message.startswith(f"{folder}/settings.json cannot be read: ")


def test_the_history_has_a_line_for_each_start_of_training(tmp_path):
    for first_step in (0, 5):
        settings_file.add_to_history(str(tmp_path), SETTINGS, {"first_step": first_step})
    lines = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert [line["first_step"] for line in lines] == [0, 5]
    assert {name: value for name, value in lines[0].items() if name != "first_step"} == json.loads(
        json.dumps(without("version"))
    )


def test_a_line_of_the_history_that_a_full_disk_cut_off_ends_before_the_next(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_text('{"first_st')
    settings_file.add_to_history(str(tmp_path), SETTINGS, {"first_step": 5})
    cut_off, line = path.read_text().splitlines()
    assert cut_off == '{"first_st'
    assert json.loads(line)["first_step"] == 5
