import json
import signal

import numpy as np
import pytest
from helpers import called, command, error_of
from PIL import Image

from cnn_estimator import learning_rate_finder, plots, stopping
from cnn_estimator.errors import Stopped, UserError
from cnn_estimator.learning_rate_finder import find_learning_rate


def falling_around(rate, rates):
    """Returns losses that fall from 2.3 to 0.8 in about a factor of ten around a rate, and then rise."""
    fall = 1.5 / (1 + np.exp(-5 * np.log10(rates / rate)))
    return 2.3 - fall + (rates / 1.0) ** 2


@pytest.mark.unit
@pytest.mark.parametrize("rate", [1e-5, 1e-3, 3e-2])
def test_the_suggestion_is_where_the_loss_falls_fastest_whatever_the_noise(rate):
    rates = np.geomspace(1e-7, 10, 100)
    losses = falling_around(rate, rates) + np.random.default_rng(0).normal(0, 0.05, 100)
    suggestion = learning_rate_finder._steepest(rates, learning_rate_finder._smooth(losses))
    assert rate / 1.6 < suggestion < rate * 1.6


@pytest.mark.unit
def test_a_loss_that_never_falls_is_an_error():
    rates = np.geomspace(1, 10, 20)
    with pytest.raises(UserError, match="does not fall at any learning rate from 1 to 10"):
        learning_rate_finder._steepest(rates, np.linspace(2.3, 50, 20))


@pytest.mark.unit
def test_the_plot_shows_the_fall_and_the_suggestion():
    rates = np.geomspace(1e-5, 10, 50)
    losses = falling_around(1e-2, rates)
    axes = plots.learning_rates(rates, losses, losses, 1e-2, "The title").axes[0]
    batch, smoothed, suggestion = axes.lines
    np.testing.assert_array_equal(batch.get_ydata(), losses)
    np.testing.assert_array_equal(smoothed.get_xdata(), rates)
    assert (*suggestion.get_xdata(), suggestion.get_label()) == (1e-2, "falls fastest: 0.01")
    assert suggestion.get_ydata()[0] == pytest.approx(np.interp(-2, np.log10(rates), losses), abs=1e-6)
    low, high = axes.get_ylim()
    assert low < losses.min() < losses[0] < high < losses[-1]


@pytest.mark.integration
def test_the_losses_are_those_of_training_steps_with_rising_rates(data_dir):
    options = {"recipe": "fashion_dense", "optimizer": "sgd", "batch_size": 300, "data_dir": data_dir, "seed": 1}
    search = find_learning_rate(batches=10, lowest_rate=0.01, highest_rate=0.1, **options)
    np.testing.assert_allclose(search.rates, np.geomspace(0.01, 0.1, 10))
    assert len(search.losses) == 10
    # The whole set is one batch: each loss is the loss before the step, and the larger rates lower it faster.
    assert search.losses[0] == pytest.approx(find_learning_rate(batches=11, **options).losses[0], rel=1e-6)
    assert (np.diff(search.losses) < 0).all()
    assert -np.diff(search.losses)[-1] > -2 * np.diff(search.losses)[0]


@pytest.mark.integration
def test_the_search_ends_when_the_loss_has_diverged_and_keeps_finite_losses_only(data_dir):
    search = find_learning_rate(recipe="fashion_dense", data_dir=data_dir, seed=1, batches=60, highest_rate=1e6)
    assert 10 < len(search.losses) == len(search.rates) < 60
    assert np.isfinite(search.losses).all()
    assert 1e-6 < search.suggestion < 1


@pytest.mark.integration
def test_the_command_writes_the_plot_and_the_next_command(tmp_path, data_dir):
    plot = tmp_path / "plots" / "rates.png"
    flags = ["--recipe=fashion_dense", f"--data_dir={data_dir}", "--seed=1", "--batches=60"]
    done = called("lr_find", *flags, f"--plot={plot}")
    assert done.returncode == 0
    result = json.loads(done.stdout)
    assert result == {"learning_rate": result["learning_rate"], "plot": str(plot)}
    assert Image.open(plot).size == (800, 500)
    assert f"--recipe=fashion_dense --data_dir={data_dir} --learning_rate={result['learning_rate']:g}" in done.stderr
    wrong = error_of(command("lr_find", *flags, "--lowest_rate=1", "--highest_rate=0.1"))
    assert wrong == "lowest_rate 1.0 is not below highest_rate 0.1: choose a lower --lowest_rate"


@pytest.mark.integration
def test_a_stop_signal_ends_the_search_after_a_batch(monkeypatch, data_dir):
    monkeypatch.setattr(stopping, "_requested", signal.SIGINT)
    with pytest.raises(Stopped):
        find_learning_rate(recipe="fashion_dense", data_dir=data_dir)
