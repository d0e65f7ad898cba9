from types import SimpleNamespace

import pytest

from cnn_estimator.tf1.unavailable import Unavailable, module_getattr

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "use",
    [
        lambda name: name(1, key=2),
        lambda name: name.attribute,
        lambda name: exec("class Derived(name): pass", {"name": name}),
    ],
)
def test_every_use_raises_an_error_with_advice(use):
    with pytest.raises(NotImplementedError, match=r"^tf\.a\.b is not available on TensorFlow 2: use c instead$"):
        use(Unavailable("tf.a.b", "use c instead"))


def test_an_unavailable_name_can_be_imported_and_inspected():
    name = Unavailable("tf.a.b", "use c instead")
    assert not hasattr(name, "__wrapped__")
    assert "Unavailable" in repr(name)


def test_a_module_has_the_first_available_value_of_a_name():
    sources = SimpleNamespace(a=1), SimpleNamespace(a=2, b=3, c=Unavailable("tf.x.c", "use d"))
    get = module_getattr("tf.y", sources, "use z")
    assert (get("a"), get("b")) == (1, 3)
    with pytest.raises(NotImplementedError, match=r"^tf\.y\.c is not available on TensorFlow 2: use z$"):
        get("c")()
    with pytest.raises(AttributeError):
        get("__all__")


def test_names_that_tf_1_lacked_raise_attribute_error():
    get = module_getattr("tf.y", (SimpleNamespace(c=Unavailable("tf.x.c", "")),), "use z", {"a": "use b"}, "d e")
    for name, advice in {"a": "b", "c": "z", "d": "z", "e": "z"}.items():
        with pytest.raises(NotImplementedError, match=rf"^tf\.y\.{name} .*: use {advice}$"):
            get(name)()
    with pytest.raises(AttributeError, match=r"^module 'tf\.y' has no attribute 'f'$"):
        get("f")
    assert isinstance(module_getattr("tf.y", (), "use z")("f"), Unavailable)
