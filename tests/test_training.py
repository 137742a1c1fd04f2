"""Training: the same bits whether interrupted or not, and plain refusals."""

import itertools
import shutil
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from qla_jax.nn import CoherentResNet, DenseWeight, PlainMLP
from qla_jax.training import Epoch, TrainingConfig, accuracy, add_noise, batches, fit
from tests.cases import real

CONFIG = TrainingConfig(epochs=4, batch_size=8, learning_rate=3e-2, noise=0.1, weight_decay=0.01, seed=3)
LABELS = (np.arange(20) % 4).astype(np.int32)
IMAGES = (0.3 * np.abs(real(20, 16)) + 2 * np.eye(16)[4 * LABELS]).astype(np.float32)  # a bright pixel per class


class Killed(Exception):
    """As if a signal ended the process after an epoch."""


def fresh() -> PlainMLP:
    return PlainMLP([16, 8, 4], rngs=nnx.Rngs(0))


def leaves(model: nnx.Module) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(nnx.state(model, nnx.Param))]


def kill_after(epochs: int):
    def report(epoch: Epoch) -> None:
        if epoch.number + 1 == epochs:
            raise Killed

    return report


@pytest.fixture(scope="module")
def straight() -> tuple:
    """Four epochs without interruption, nothing written."""
    return fit(fresh(), IMAGES, LABELS, CONFIG)


@pytest.fixture(scope="module")
def killed(tmp_path_factory) -> Path:
    """What a run that was killed after two of four epochs leaves behind."""
    directory = tmp_path_factory.mktemp("killed") / "run"
    with pytest.raises(Killed):
        fit(fresh(), IMAGES, LABELS, CONFIG, directory=directory, report=kill_after(2))
    return directory


def test_a_killed_run_refuses_to_start_over_and_to_go_on_otherwise(killed):
    with pytest.raises(ValueError, match="`directory` must hold no checkpoints unless resume=True, but has 2 epochs"):
        fit(fresh(), IMAGES, LABELS, CONFIG, directory=killed)
    for change, message in (
        ({"learning_rate": 0.5}, "learning_rate is 0.5 and was 0.03"),
        ({"epochs": 5}, "epochs is 5 and was 4"),
        ({"seed": 4}, "seed is 4 and was 3"),
    ):
        with pytest.raises(ValueError) as failure:
            fit(fresh(), IMAGES, LABELS, replace(CONFIG, **change), directory=killed, resume=True)
        assert str(failure.value).startswith("`resume` must go on with the settings of the checkpoint, but")
        assert message in str(failure.value)


def test_a_resumed_run_ends_in_the_same_bits_as_one_that_was_not_interrupted(straight, killed, tmp_path):
    directory, told = shutil.copytree(killed, tmp_path / "run"), []
    model, history = fit(fresh(), IMAGES, LABELS, CONFIG, directory=directory, resume=True, report=told.append)
    assert [epoch.number for epoch in history] == [0, 1, 2, 3]
    assert told == history == straight[1]
    for found, expected in zip(leaves(model), leaves(straight[0]), strict=True):
        np.testing.assert_array_equal(found, expected)
    again, history = fit(fresh(), IMAGES, LABELS, CONFIG, directory=directory, resume=True)  # nothing left to do
    assert history == straight[1]
    np.testing.assert_array_equal(leaves(again)[0], leaves(straight[0])[0])


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"images": IMAGES[:16], "labels": LABELS[:16]}, r"data of the checkpoint, but images is float32 \(16, 16\), "),
        ({"images": np.nextafter(IMAGES, 9)}, r"images is float32 \(20, 16\), sha256 \w+ and was float32 \(20, 16\), "),
        ({"labels": LABELS[::-1].copy()}, "labels is int32"),
        ({"model": PlainMLP([16, 8, 4], rngs=nnx.Rngs(7))}, "model is PlainMLP of 4 arrays, sha256 "),
        ({"model": PlainMLP([16, 9, 4], rngs=nnx.Rngs(0))}, "model is PlainMLP of 4 arrays, sha256 "),
    ],
)
def test_a_run_is_not_resumed_with_other_data_or_another_model(killed, tmp_path, changed, told):
    directory = shutil.copytree(killed, tmp_path / "run")
    asked = {"model": fresh(), "images": IMAGES, "labels": LABELS} | changed
    with pytest.raises(ValueError, match=f"`resume` must go on with the .*{told}"):
        fit(*asked.values(), CONFIG, directory=directory, resume=True)


def test_a_setting_without_arrays_is_part_of_the_model(tmp_path):
    def network(degree: int) -> CoherentResNet:
        return CoherentResNet([DenseWeight(16, rngs=nnx.Rngs(0))], sizes=(16,), outcomes=4, degree=degree)

    once = replace(CONFIG, epochs=1, batch_size=20)
    fit(network(3), IMAGES, LABELS, once, directory=tmp_path)
    fit(network(3), IMAGES, LABELS, once, directory=tmp_path, resume=True)
    with pytest.raises(ValueError, match="model is CoherentResNet of 1 arrays"):
        fit(network(5), IMAGES, LABELS, once, directory=tmp_path, resume=True)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("damage", [flip, halve, Path.unlink])
@pytest.mark.parametrize("name", ["state.npz", "notes.json", "sha256.json"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_is_taken(straight, killed, tmp_path, name, damage):
    directory, lines = shutil.copytree(killed, tmp_path / "run"), []
    damage(directory / "2" / name)
    with_notice = {"directory": directory, "resume": True, "notice": lines.append}
    model, history = fit(fresh(), IMAGES, LABELS, CONFIG, **with_notice)
    (line,) = lines
    assert f"run/2/{name} " in line and line.endswith("going on from the intact epoch 1 before")
    assert history == straight[1]
    for found, expected in zip(leaves(model), leaves(straight[0]), strict=True):
        np.testing.assert_array_equal(found, expected)
    again, _ = fit(fresh(), IMAGES, LABELS, CONFIG, **with_notice)
    assert len(lines) == 1 and np.array_equal(leaves(again)[0], leaves(straight[0])[0])


def test_without_an_intact_checkpoint_the_file_is_named_and_the_way_to_start_afresh(killed, tmp_path):
    directory = shutil.copytree(killed, tmp_path / "run")
    for number in "12":
        flip(directory / number / "state.npz")
    told = r"2/state\.npz is damaged; .*1/state\.npz is damaged: remove .*run to train afresh"
    with pytest.raises(ValueError, match=told):
        fit(fresh(), IMAGES, LABELS, CONFIG, directory=directory, resume=True)


def test_a_checkpoint_that_was_cut_short_while_it_was_written_is_none(straight, killed, tmp_path):
    directory = shutil.copytree(killed, tmp_path / "run")
    shutil.copytree(directory / "2", directory / ".3.partial")
    halve(directory / ".3.partial" / "state.npz")
    _, history = fit(fresh(), IMAGES, LABELS, CONFIG, directory=directory, resume=True)
    assert history == straight[1]
    assert sorted(path.name for path in directory.iterdir()) == ["3", "4"]


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/nowhere"])
def test_a_directory_that_cannot_be_written_is_refused_before_training(tmp_path, place):
    (tmp_path / "file").write_text("taken")
    epochs = []
    with pytest.raises(ValueError, match="`directory` must be a directory that can be written, but "):
        fit(fresh(), IMAGES, LABELS, CONFIG, directory=tmp_path / place, report=epochs.append)
    assert not epochs


def test_two_trainings_in_one_directory_are_refused(tmp_path):
    def second(epoch: Epoch) -> None:
        with pytest.raises(
            ValueError, match="`directory` must be used by one run at a time, but another one is at work"
        ):
            fit(fresh(), IMAGES, LABELS, CONFIG, directory=tmp_path, resume=True)

    fit(fresh(), IMAGES, LABELS, replace(CONFIG, epochs=1), directory=tmp_path, report=second)


def test_training_learns(straight):
    model, history = straight
    assert history[-1].loss < 0.9 * history[0].loss
    assert len({epoch.loss for epoch in history}) == len(history)
    assert all(np.any(a != b) for a, b in zip(leaves(model), leaves(fresh()), strict=True))


def test_another_seed_shuffles_otherwise_and_the_callers_model_is_left_alone(straight):
    model = fresh()
    _, history = fit(model, IMAGES, LABELS, replace(CONFIG, seed=4, epochs=1))
    assert history[0].loss != straight[1][0].loss
    for found, expected in zip(leaves(model), leaves(fresh()), strict=True):
        np.testing.assert_array_equal(found, expected)


ONE = np.zeros(20, int)  # twenty times the first image


@pytest.mark.parametrize(
    ("chosen", "changes", "differ"),
    [
        (np.arange(20), {"noise": 0.0}, True),
        (ONE, {"noise": 0.1}, True),
        (np.arange(20), {"noise": 0.0, "batch_size": 20}, False),
    ],
    ids=["shuffle", "noise", "neither"],
)
def test_every_epoch_shuffles_and_draws_noise_anew(chosen, changes, differ):
    """Without learning only what is seen changes: which images fill the batches, and their noise."""
    still = replace(CONFIG, epochs=3, learning_rate=0.0, weight_decay=0.0, **changes)
    _, history = fit(fresh(), IMAGES[chosen], LABELS[chosen], still)
    losses = [epoch.loss for epoch in history]
    assert all(np.isfinite(losses))
    assert len({round(loss, 5) for loss in losses}) == (3 if differ else 1)


def test_a_coherent_network_learns():
    model = CoherentResNet([DenseWeight(16, rngs=nnx.Rngs(0))], sizes=(16,), outcomes=4, degree=3)
    config = TrainingConfig(epochs=15, batch_size=10, learning_rate=3e-2)
    trained, history = fit(model, IMAGES[:, ::-1], LABELS, config)  # bright where other outcomes are read
    assert history[-1].loss < 0.8 * history[0].loss
    matrix = np.asarray(trained.weights[0].encoding().matrix, float)
    assert np.linalg.norm(matrix, 2) <= 1


def test_noise_is_of_the_size_of_each_image_and_keeps_zero_images_zero(key):
    images = np.stack([np.full((3, 40, 40), 2.0), np.zeros((3, 40, 40)), np.full((3, 40, 40), 1e-3)])
    noise = np.asarray(add_noise(jnp.asarray(images), 0.2, key=key)) - images
    np.testing.assert_array_equal(noise[1], 0)
    for image, spread in zip(images, noise.std(axis=(1, 2, 3)), strict=True):
        assert spread == pytest.approx(0.2 * np.sqrt(np.mean(image**2)), rel=0.05)
    assert add_noise(images, 0.0, key=key) is images


@pytest.mark.parametrize(("count", "size"), [(10, 3), (9, 3), (2, 5), (0, 4)])
def test_batches_cover_everything_once(count, size):
    parts = [list(range(count)[part]) for part in batches(count, size)]
    assert list(itertools.chain(*parts)) == list(range(count))
    assert all(len(part) == size for part in parts[:-1])


@pytest.mark.parametrize(
    ("labels", "config", "message"),
    [
        (LABELS[:-1], CONFIG, "`labels` must match `images`, but there are 19 for 20"),
        (LABELS, replace(CONFIG, batch_size=21), "`batch_size` must lie between 1 and 20, but is 21"),
        (LABELS, replace(CONFIG, batch_size=0), "`batch_size` must lie between 1 and 20, but is 0"),
        (LABELS + 1, CONFIG, "`labels` must be from 0 to 3, but are from 1 to 4"),
        (LABELS - 1, CONFIG, "`labels` must be from 0 to 3, but are from -1 to 2"),
        (np.eye(4)[LABELS], CONFIG, r"`labels` must be one number for each image, but have shape \(20, 4\)"),
        (
            np.where(LABELS, LABELS, np.nan),
            CONFIG,
            "`labels` must be integers, but are of float64",
        ),
        (LABELS + 0.5, CONFIG, "`labels` must be integers, but are of float64, the first of them 0.5"),
        (LABELS, replace(CONFIG, epochs=2.5), "`epochs` must be an integer, but is 2.5"),
    ],
)
def test_what_cannot_be_trained_on_raises(labels, config, message):
    with pytest.raises(ValueError, match=message):
        fit(fresh(), IMAGES, labels, config)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_images_that_are_not_finite_are_refused_by_number(wrong):
    images = IMAGES.copy()
    images[13, 5] = wrong
    with pytest.raises(ValueError, match="`images` must be finite, but image 13 has NaN or infinite entries"):
        fit(fresh(), images, LABELS, CONFIG)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16, bool])
def test_images_and_labels_of_any_dtype_train_as_floats_do(dtype):
    images, config = (4 * IMAGES).astype(dtype), replace(CONFIG, epochs=1)
    floats = images.astype(np.float32 if dtype == np.float16 else jnp.result_type(float))
    found, history = fit(fresh(), images, LABELS.astype(float), config)
    expected, same = fit(fresh(), floats, LABELS, config)
    np.testing.assert_allclose(leaves(found)[0], leaves(expected)[0], rtol=0, atol=1e-6)
    assert history[0].loss == pytest.approx(same[0].loss, abs=1e-6)
    assert accuracy(found, images, LABELS.astype(np.uint8)) == accuracy(found, floats, LABELS)


@pytest.mark.slow
def test_a_constant_rate_is_that_of_plain_adam_in_every_step():
    config = replace(CONFIG, epochs=2, batch_size=20, constant=True, noise=0.0, weight_decay=0.0)
    model = fresh()
    graph, params = nnx.split(model)
    adam = optax.adam(config.learning_rate)
    state = adam.init(params)
    for _ in range(2):
        loss = lambda p: -jnp.log(nnx.merge(graph, p)(IMAGES)[np.arange(20), LABELS] + 1e-6).mean()  # noqa: E731
        updates, state = adam.update(jax.grad(loss)(params), state, params)
        params = optax.apply_updates(params, updates)
    trained, _ = fit(model, IMAGES, LABELS, config)
    for found, expected in zip(leaves(trained), map(np.asarray, jax.tree.leaves(params)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


class Normed(nnx.Module):
    """A batch normalization and a dense layer, and noise where a key is given."""

    def __init__(self):
        self.norm = nnx.BatchNorm(16, momentum=0.5, use_running_average=True, rngs=nnx.Rngs(0))
        self.dense = nnx.Linear(16, 4, rngs=nnx.Rngs(1))

    def __call__(self, images, *, key=None):
        noise = 0.0 if key is None else jax.random.normal(key, images.shape)
        return jax.nn.softmax(self.dense(self.norm(images + noise)))


def test_running_statistics_move_in_training_and_not_in_evaluation():
    model, still = Normed(), replace(CONFIG, epochs=2, batch_size=20, learning_rate=0.0, noise=0.0, weight_decay=0.0)
    trained, _ = fit(model, IMAGES, LABELS, still)
    np.testing.assert_allclose(trained.norm.mean[...], 0.75 * IMAGES.mean(axis=0), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(model.norm.mean[...], 0)
    assert trained.norm.use_running_average
    accuracy(trained, IMAGES, LABELS)
    np.testing.assert_allclose(trained.norm.mean[...], 0.75 * IMAGES.mean(axis=0), rtol=1e-4, atol=1e-6)


def test_a_model_that_draws_gets_a_key_of_its_own_in_each_step():
    still = replace(CONFIG, epochs=3, batch_size=20, learning_rate=0.0, noise=0.0, weight_decay=0.0)
    _, history = fit(Normed(), IMAGES, LABELS, still, call=lambda model, images, key: model(images, key=key))
    assert len({round(epoch.loss, 5) for epoch in history}) == 3


def test_accuracy_is_the_share_of_right_outcomes_whatever_the_batches():
    model = fresh()
    expected = np.mean(np.asarray(model(IMAGES)).argmax(axis=1) == LABELS)
    for size in (3, 20, 100):
        assert accuracy(model, IMAGES, LABELS, batch_size=size) == pytest.approx(expected)
    with pytest.raises(ValueError, match="`labels` must match `images`, but there are 19 for 20"):
        accuracy(model, IMAGES, LABELS[:-1])
    with pytest.raises(ValueError, match="`batch_size` must be at least 1, but is 0"):
        accuracy(model, IMAGES, LABELS, batch_size=0)


class Counting(nnx.Module):
    """Notes each time that Python runs it on a batch."""

    def __init__(self, seed: int, setting: object = None):
        self.dense, self.setting = nnx.Linear(16, 4, rngs=nnx.Rngs(seed)), setting

    def __call__(self, images):
        if len(images) > 1:  # no look at the shapes of one
            TRACED.append(len(images))
        return jax.nn.softmax(self.dense(images))


TRACED: list[int] = []


@pytest.mark.parametrize(("setting", "traces"), [("hashable", 1), (frozenset({"a"}), 1), (bytearray(b"none"), 2)])
@pytest.mark.sample(1)
def test_models_of_one_build_are_compiled_once_and_each_is_trained_by_its_own_weights_and_seed(setting, traces):
    config, found = replace(CONFIG, epochs=2), []
    for seed in (0, 1):
        TRACED.clear()
        model, history = fit(Counting(seed, setting), IMAGES, LABELS, replace(config, seed=seed))
        right = accuracy(model, IMAGES, LABELS, batch_size=20)
        assert right == np.mean(np.asarray(model(IMAGES)).argmax(axis=1) == LABELS)
        found.append((history, TRACED.count(CONFIG.batch_size), leaves(model)))
    assert [traced for _, traced, _ in found] == [1, traces - 1]
    assert found[0][0] != found[1][0] and not np.array_equal(found[0][2][0], found[1][2][0])
    alone, _ = fit(Counting(1, object()), IMAGES, LABELS, replace(config, seed=1))
    for shared, own in zip(found[1][2], leaves(alone), strict=True):
        np.testing.assert_array_equal(shared, own)
