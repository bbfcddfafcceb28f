"""Training: optimizers and learning rates step for step as PyTorch's, and a loop that learns."""

import math

import numpy as np
import pytest
from gradients import needs_torch, torch

from imgconv import nn
from imgconv.nn import layers, train
from imgconv.nn.layers import Parameter

# Our arguments, then PyTorch's where they differ.
OPTIMIZERS = {
    "SGD": [{"lr": 0.1}, {"lr": 0.1, "momentum": 0.9},
            {"lr": 0.1, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1}],
    "Adagrad": [{}, {"lr": 0.1, "weight_decay": 0.1}],
    "RMSprop": [{}, {"lr": 0.1, "alpha": 0.8, "momentum": 0.5, "weight_decay": 0.1}],
    "Adadelta": [{}, {"lr": 0.5, "rho": 0.8, "weight_decay": 0.1}],
    "Adam": [{}, {"lr": 0.1, "betas": (0.8, 0.95), "weight_decay": 0.1}],
}  # fmt: skip
CASES = [(name, options) for name, several in OPTIMIZERS.items() for options in several]


def gradient(value):
    """That of a bowl of another curvature along each axis."""
    return value * np.array([1.0, 5.0, 25.0]) + 0.3 * np.sin(value)


def path(name, options, steps):
    parameter = Parameter(np.array([1.0, -2.0, 0.5]))
    optimizer = getattr(train, name)({"x": parameter}, **options)
    places = []
    for _ in range(steps):
        optimizer.zero_grad()
        parameter.grad += gradient(parameter.value)
        optimizer.step()
        places.append(parameter.value.copy())
    return np.array(places)


class TestOptimizers:
    @needs_torch
    @pytest.mark.parametrize(("name", "options"), CASES)
    def test_torch(self, name, options):
        options = {"lr": 0.01, **options}
        x = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
        optimizer = getattr(torch.optim, name)([x], **options)
        places = []
        for _ in range(20):
            x.grad = torch.tensor(gradient(x.detach().numpy()))
            optimizer.step()
            places.append(x.detach().numpy().copy())
        np.testing.assert_allclose(path(name, options, 20), places, rtol=1e-12, atol=1e-13)

    def test_first_steps(self):
        """Written out: g = 2, then g = 2 again; lr 0.1."""
        expected = {
            "SGD": (0.2, 0.4),
            "Adagrad": (0.1, 0.1 + 0.1 / math.sqrt(2)),
            "RMSprop": (0.1 / math.sqrt(0.01), 1 + 0.1 / math.sqrt(1 - 0.99**2)),
            "Adam": (0.1, 0.2),
        }
        # A step is 2 sqrt(mean of squared steps / mean of squared gradients), both plus 1e-6.
        first = 2 * math.sqrt(1e-6 / (0.1 * 4 + 1e-6))
        second = 2 * math.sqrt((0.1 * first**2 + 1e-6) / (0.19 * 4 + 1e-6))
        expected["Adadelta"] = (0.1 * first, 0.1 * (first + second))
        for name, (once, twice) in expected.items():
            parameter = Parameter(np.zeros(1))
            parameter.grad[...] = 2
            optimizer = getattr(train, name)({"x": parameter}, lr=0.1)
            optimizer.step()
            assert parameter.value[0] == pytest.approx(-once, rel=1e-6), name
            optimizer.step()
            assert parameter.value[0] == pytest.approx(-twice, rel=1e-6), name

    @pytest.mark.parametrize(("name", "options"), CASES)
    def test_goes_down(self, name, options):
        before, after = path(name, {**options, "lr": options.get("lr", 0.01) / 10}, 200)[[0, -1]]
        assert np.linalg.norm(after) < np.linalg.norm(before)

    def test_l1_draws_to_zero(self):
        parameter = Parameter(np.array([0.5, -0.5, 0.0]))
        train.SGD({"x": parameter}, lr=0.1, l1=1.0).step()
        np.testing.assert_allclose(parameter.value, [0.4, -0.4, 0.0])

    def test_keeps_dtype(self):
        for name in OPTIMIZERS:
            parameter = Parameter(np.ones(3, np.float32))
            parameter.grad[...] = 1
            getattr(train, name)({"x": parameter}, lr=0.1, weight_decay=0.1, l1=0.1).step()
            assert parameter.value.dtype == np.float32

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda p: train.SGD({}), "parameters must not be empty"),
            (lambda p: train.SGD(p, -1), "lr must not be negative, got -1"),
            (lambda p: train.SGD(p, nesterov=True), "momentum must be positive for nesterov"),
            (lambda p: train.Adam(p, betas=(0.9, 1.0)), r"betas must be below 1, got 1\.0"),
            (lambda p: train.RMSprop(p, alpha=1.5), r"alpha must be below 1, got 1\.5"),
            (lambda p: train.Adagrad(p, weight_decay=-0.1), "weight_decay must not be negative"),
        ],
    )
    def test_refused(self, make, message):
        with pytest.raises(ValueError, match=message):
            make({"x": Parameter(np.ones(1))})


def rates(schedule, steps, losses=None):
    found = []
    for step in range(steps):
        schedule.step(*([] if losses is None else [losses[step]]))
        found.append(schedule.optimizer.lr)
    return found


def optimizer(lr=0.5):
    return train.SGD({"x": Parameter(np.ones(1))}, lr=lr)


SCHEDULES = [
    ("StepLR", {"step_size": 3}),
    ("StepLR", {"step_size": 2, "gamma": 0.5}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 0.7, "step_size_up": 4}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 0.7, "step_size_up": 3, "step_size_down": 5,
                  "mode": "triangular2"}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 0.7, "step_size_up": 3, "mode": "exp_range",
                  "gamma": 0.95}),
    ("ReduceLROnPlateau", {"patience": 2}),
    ("ReduceLROnPlateau", {"patience": 1, "factor": 0.5, "cooldown": 2, "threshold": 0.1,
                           "min_lr": 0.01}),
]  # fmt: skip


class TestLearningRates:
    @needs_torch
    @pytest.mark.parametrize(("name", "options"), SCHEDULES)
    def test_torch(self, name, options):
        theirs = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.5)
        more = {"cycle_momentum": False} if name == "CyclicLR" else {}
        schedule = getattr(torch.optim.lr_scheduler, name)(theirs, **options, **more)
        rng = np.random.default_rng(1)
        losses = list(rng.random(40)) if name == "ReduceLROnPlateau" else None
        expected = []
        for step in range(40):
            theirs.step()
            schedule.step(*([] if losses is None else [losses[step]]))
            expected.append(theirs.param_groups[0]["lr"])
        found = rates(getattr(train, name)(optimizer(), **options), 40, losses)
        np.testing.assert_allclose(found, expected, rtol=1e-12)

    def test_step(self):
        found = rates(train.StepLR(optimizer(1.0), 2, 0.5), 5)
        np.testing.assert_allclose(found, [1, 0.5, 0.5, 0.25, 0.25])

    def test_cycle(self):
        found = rates(train.CyclicLR(optimizer(), 1.0, 3.0, 2), 6)
        np.testing.assert_allclose(found, [2, 3, 2, 1, 2, 3])

    def test_plateau(self):
        schedule = train.ReduceLROnPlateau(optimizer(1.0), factor=0.1, patience=1)
        found = rates(schedule, 6, [1.0, 0.5, 0.5, 0.5, 0.5, 0.5])
        np.testing.assert_allclose(found, [1, 1, 1, 0.1, 0.1, 0.01])
        with pytest.raises(ValueError, match="loss must be given"):
            schedule.step()


def problem(seed=1):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((200, 3))
    return x, x @ np.array([[1.0], [-2.0], [0.5]]) + 0.7


class TestFit:
    def test_finds_what_made_the_data(self):
        x, t = problem()
        net = layers.Linear(3, 1, rng=1, dtype=np.float64)
        seen = []
        history = train.fit(
            net, x, t, train.SGD(net.parameters(), 0.1, momentum=0.5), loss="mse_loss",
            epochs=30, rng=1, watch=seen.append,
        )  # fmt: skip
        np.testing.assert_allclose(net.weight.value, [[1, -2, 0.5]], atol=1e-6)
        assert history == seen
        assert [epoch.number for epoch in history] == list(range(1, 31))
        assert history[-1].loss < 1e-10 < history[0].loss
        assert history[0].validation is None
        assert not net.training

    def test_same_seed_same_numbers(self):
        x, t = problem()
        found = []
        for seed in (1, 1, 2):
            net = layers.Linear(3, 1, rng=3, dtype=np.float64)
            train.fit(net, x, t, train.Adam(net.parameters()), loss="l1_loss", rng=seed)
            found.append(net.weight.value)
        np.testing.assert_array_equal(found[0], found[1])
        assert not np.array_equal(found[0], found[2])

    def test_schedules_are_stepped(self):
        x, t = problem()
        net = layers.Linear(3, 1, rng=1, dtype=np.float64)
        for schedule, last in (
            (lambda o: train.ExponentialLR(o, 0.5), 0.1 * 0.5**2),
            (lambda o: train.CyclicLR(o, 0.1, 0.2, 4), 0.2),
            (lambda o: train.ReduceLROnPlateau(o, 0.5, 10), 0.1),
        ):
            rate = train.SGD(net.parameters(), 0.1)
            history = train.fit(
                net, x, t, rate, loss="mse_loss", epochs=3, batch_size=50, rng=1,
                schedule=schedule(rate), validation=(x, t),
            )  # fmt: skip
            assert history[-1].lr == pytest.approx(last)
            assert history[-1].validation is not None

    def test_predict_and_evaluate(self):
        x, t = problem()
        net = layers.Sequential(layers.Linear(3, 1, rng=1, dtype=np.float64), layers.Dropout(0.5))
        net.train()
        net[0].eval()
        np.testing.assert_allclose(train.predict(net, x, batch_size=7), net[0](x), rtol=1e-12)
        assert [layer.training for _, layer in net.layers()] == [True, False, True]
        expected = np.mean((net[0](x) - t) ** 2)
        assert train.evaluate(net, x, t, loss="mse_loss") == pytest.approx(expected)

    def test_batches_are_all_of_it(self):
        parts = list(train.batches(10, 4, np.random.default_rng(1)))
        assert [len(part) for part in parts] == [4, 4, 2]
        assert sorted(np.concatenate(parts)) == list(range(10))
        assert list(np.concatenate(list(train.batches(5, 2)))) == list(range(5))

    def test_classes_on_a_small_net(self):
        """Two stages of convolution and pooling distinguish horizontal and vertical bars."""
        rng = np.random.default_rng(1)
        images = np.zeros((120, 1, 8, 8), np.float32)
        horizontal = rng.integers(0, 2, 120)
        for image, along, place in zip(images, horizontal, rng.integers(0, 8, 120), strict=True):
            image[0, place if along else slice(None), slice(None) if along else place] = 1
        net = layers.Sequential(
            layers.Conv2d(1, 4, 3, padding=1, rng=rng), layers.ReLU(), layers.MaxPool2d(2),
            layers.Conv2d(4, 4, 3, padding=1, rng=rng), layers.ReLU(), layers.AvgPool2d(4),
            layers.Flatten(), layers.Linear(4, 2, rng=rng),
        )  # fmt: skip
        train.fit(net, images, horizontal, train.Adam(net.parameters(), 0.01), epochs=15, rng=rng)
        assert (train.predict(net, images).argmax(axis=1) == horizontal).all()

    def test_refused(self):
        net = layers.Linear(3, 1)
        rate = train.SGD(net.parameters())
        with pytest.raises(ValueError, match="inputs and targets must be as many"):
            train.fit(net, np.ones((3, 3)), np.ones((4, 1)), rate)
        with pytest.raises(ValueError, match="loss must be one of binary_cross_entropy, cross"):
            train.fit(net, np.ones((3, 3)), np.ones((3, 1)), rate, loss="relu")
        with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
            train.fit(net, np.ones((3, 3)), np.ones((3, 1)), rate, batch_size=0)


def test_marked_experimental():
    assert "Experimental" in train.__doc__
    assert "experimental" in nn.__doc__
