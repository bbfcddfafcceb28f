"""Layers: shapes, gradients, names, files, plans, and PyTorch's layers where it is installed."""

import re

import numpy as np
import pytest
from gradients import differences, needs_torch, torch

import imgconv
from imgconv import geometry, nn
from imgconv.nn import layers

RNG = np.random.default_rng


def lenet(rng=0, dtype=np.float32):
    rng = RNG(rng)
    return layers.Sequential(
        layers.Conv2d(1, 6, 3, rng=rng, dtype=dtype),
        layers.ReLU(),
        layers.MaxPool2d(2),
        layers.Conv2d(6, 16, 3, rng=rng, dtype=dtype),
        layers.ReLU(),
        layers.MaxPool2d(2),
        layers.Flatten(),
        layers.Linear(576, 120, rng=rng, dtype=dtype),
        layers.ReLU(),
        layers.Linear(120, 84, rng=rng, dtype=dtype),
        layers.ReLU(),
        layers.Linear(84, 10, rng=rng, dtype=dtype),
    )


def float64(kind, *arguments, **options):
    return kind(*arguments, **options, dtype=np.float64)


# What makes each layer, its input's shape, and what has its name in PyTorch.
F64 = {"dtype": np.float64}
LAYERS = {
    "conv": (lambda: layers.Conv2d(2, 3, 3, 2, 1, rng=1, **F64), (2, 2, 7, 6)),
    "conv groups": (
        lambda: layers.Conv2d(4, 6, (3, 2), 1, (1, 2), (2, 1), 2, False, rng=1, **F64),
        (2, 4, 7, 6),
    ),
    "conv same": (
        lambda: layers.Conv2d(2, 3, 3, padding="same", padding_mode="reflect", rng=1, **F64),
        (2, 2, 5, 6),
    ),
    "conv valid": (lambda: layers.Conv2d(2, 3, 3, padding="valid", rng=1, **F64), (2, 2, 5, 6)),
    "conv sides": (
        lambda: layers.Conv2d(2, 3, 3, padding=((0, 1), (2, 0)), rng=1, **F64),
        (2, 2, 5, 6),
    ),
    "transposed": (
        lambda: layers.ConvTranspose2d(2, 4, 4, 2, 1, 1, 2, rng=1, **F64),
        (2, 2, 4, 3),
    ),
    "deform": (lambda: layers.DeformConv2d(2, 3, 3, padding=1, rng=1, **F64), (2, 2, 4, 5)),
    "deform modulated": (
        lambda: layers.DeformConv2d(2, 3, 3, padding=1, modulated=True, rng=1, **F64),
        (2, 2, 4, 5),
    ),
    "linear": (lambda: layers.Linear(4, 3, rng=1, **F64), (2, 5, 4)),
    "linear without bias": (lambda: layers.Linear(4, 3, False, rng=1, **F64), (2, 4)),
    "batch norm": (lambda: layers.BatchNorm2d(2, **F64), (3, 2, 3, 4)),
    "prelu": (lambda: layers.PReLU(2, **F64), (3, 2, 4)),
    "relu": (layers.ReLU, (2, 3)),
    "leaky relu": (lambda: layers.LeakyReLU(0.2), (2, 3)),
    "elu": (layers.ELU, (2, 3)),
    "sigmoid": (layers.Sigmoid, (2, 3)),
    "tanh": (layers.Tanh, (2, 3)),
    "softmax": (lambda: layers.Softmax(1), (2, 3)),
    "log softmax": (lambda: layers.LogSoftmax(1), (2, 3)),
    "max pool": (lambda: layers.MaxPool2d(3, 2, 1), (2, 2, 7, 8)),
    "max pool ceil": (lambda: layers.MaxPool2d(2, ceil_mode=True), (2, 2, 7, 8)),
    "max pool dilated": (lambda: layers.MaxPool2d(2, 1, 0, 2), (2, 2, 7, 8)),
    "avg pool": (lambda: layers.AvgPool2d((3, 2), 2, (1, 0), ceil_mode=True), (2, 2, 7, 8)),
    "lp pool": (lambda: layers.LPPool2d(2, 2), (2, 2, 6, 5)),
    "adaptive avg pool": (lambda: layers.AdaptiveAvgPool2d((2, None)), (2, 2, 7, 4)),
    "adaptive max pool": (lambda: layers.AdaptiveMaxPool2d(2), (2, 2, 7, 4)),
    "upsample": (lambda: layers.Upsample(scale_factor=2, mode="bilinear"), (1, 2, 3, 4)),
    "upsample to size": (lambda: layers.Upsample(size=(5, 3)), (1, 2, 3, 4)),
    "pixel shuffle": (lambda: layers.PixelShuffle(2), (2, 8, 3, 2)),
    "flatten": (layers.Flatten, (2, 3, 4)),
    "sequential": (
        lambda: layers.Sequential(
            layers.Conv2d(2, 3, 3, rng=1, **F64),
            layers.Tanh(),
            layers.Flatten(),
            layers.Linear(18, 2, rng=2, **F64),
        ),
        (2, 2, 4, 5),
    ),
    "residual": (
        lambda: layers.Residual(
            layers.Sequential(
                layers.Conv2d(2, 2, 3, padding=1, rng=1, **F64), layers.Tanh()
            )
        ),
        (2, 2, 4, 3),
    ),
    "residual with shortcut": (
        lambda: layers.Residual(
            layers.Conv2d(2, 3, 3, 2, 1, rng=1, **F64), layers.Conv2d(2, 3, 1, 2, rng=2, **F64)
        ),
        (2, 2, 4, 3),
    ),
    "parallel": (
        lambda: layers.Parallel(
            layers.Conv2d(2, 1, 1, rng=1, **F64),
            layers.Conv2d(2, 3, 3, padding=1, rng=2, **F64),
            layers.MaxPool2d(3, 1, 1),
        ),
        (2, 2, 4, 3),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
class TestEveryLayer:
    def test_shape_is_known_before(self, name):
        make, shape = LAYERS[name]
        layer = make()
        assert layer.output_shape(shape) == layer(RNG(1).standard_normal(shape)).shape

    def test_gradients_are_differences(self, name):
        make, shape = LAYERS[name]
        layer, rng = make(), RNG(3)
        for parameter in layer.parameters().values():
            parameter.value[...] += 0.3 * rng.standard_normal(parameter.value.shape)
        x = rng.standard_normal(shape)
        grad = rng.standard_normal(layer(x).shape)
        layer.zero_grad()
        by_input = layer.backward(grad)
        expected = differences(layer, x, grad)
        np.testing.assert_allclose(by_input, expected, rtol=1e-5, atol=1e-6)
        for parameter in layer.parameters().values():
            value = parameter.value.copy()

            def with_value(new, parameter=parameter):
                parameter.value[...] = new
                return layer(x)

            expected = differences(with_value, value, grad)
            parameter.value[...] = value
            np.testing.assert_allclose(parameter.grad, expected, rtol=1e-5, atol=1e-6)

    def test_gradients_add_up(self, name):
        make, shape = LAYERS[name]
        layer, x = make(), RNG(1).standard_normal(shape)
        grad = np.ones_like(layer(x))
        layer.backward(grad)
        once = {key: p.grad.copy() for key, p in layer.parameters().items()}
        layer.backward(grad)
        for key, parameter in layer.parameters().items():
            np.testing.assert_allclose(parameter.grad, 2 * once[key], rtol=1e-12)
        layer.zero_grad()
        assert not any(p.grad.any() for p in layer.parameters().values())

    def test_backward_comes_after_forward(self, name):
        make, _ = LAYERS[name]
        if not isinstance(make(), (layers.Sequential, layers.Residual, layers.Parallel)):
            with pytest.raises(ValueError, match="backward must come after forward"):
                make().backward(np.ones(3))

    def test_to_a_file_and_back(self, name, tmp_path):
        make, shape = LAYERS[name]
        layer, other = make(), make()
        for array in layer.state().values():
            array[...] = RNG(1).random(array.shape) + 1
        layer.save(tmp_path / "layer.npz")
        other.load(tmp_path / "layer.npz")
        x = RNG(1).standard_normal(shape)
        np.testing.assert_array_equal(other.eval()(x), layer.eval()(x))

    def test_repr_names_it(self, name):
        make, _ = LAYERS[name]
        assert type(make()).__name__ in repr(make())

    def test_plan_of_all_loops(self, name, loops_used):
        make, shape = LAYERS[name]
        layer, x = make(), np.zeros(shape)
        loops = loops_used(layer, x)
        if loops:
            plan = imgconv.explain(layer, x)
            assert set(re.findall(r"Plan: (\w+) loop", repr(plan))) == loops
            assert plan.shape[-len(shape) :] == layer.output_shape(shape)
        else:
            with pytest.raises(TypeError, match="calls a compiled loop, got layer"):
                imgconv.explain(layer, x)


class TestLeNet:
    SHAPES = (
        (6, 30, 30), (6, 30, 30), (6, 15, 15), (16, 13, 13), (16, 13, 13), (16, 6, 6),
        (576,), (120,), (120,), (84,), (84,), (10,),
    )  # fmt: skip

    def test_shapes(self):
        net, x = lenet(), np.zeros((4, 1, 32, 32), np.float32)
        for layer, shape in zip(net.inside, self.SHAPES, strict=True):
            assert layer.output_shape(x.shape) == (4, *shape)
            x = layer(x)
            assert x.shape == (4, *shape)
        assert x.dtype == np.float32

    def test_counts_and_fields(self):
        net = lenet()
        count = geometry.parameter_count
        expected = (
            count(1, 6, 3) + count(6, 16, 3) + count(576, 120) + count(120, 84) + count(84, 10)
        )
        assert net.parameter_count == expected == 81_194
        assert geometry.receptive_field(net.inside[:6]) == (10, 10)
        with pytest.raises(ValueError, match="each result sees the whole input"):
            geometry.receptive_field(net.inside)

    @needs_torch
    def test_torch(self):
        """The same weights under the same names: the same scores and gradients."""
        t = torch.nn
        theirs = t.Sequential(
            t.Conv2d(1, 6, 3), t.ReLU(), t.MaxPool2d(2), t.Conv2d(6, 16, 3), t.ReLU(),
            t.MaxPool2d(2), t.Flatten(), t.Linear(576, 120), t.ReLU(), t.Linear(120, 84),
            t.ReLU(), t.Linear(84, 10),
        ).double()  # fmt: skip
        net = lenet(dtype=np.float64)
        net.load_state({name: tensor.numpy() for name, tensor in theirs.state_dict().items()})
        rng = RNG(1)
        x, digits = rng.standard_normal((5, 1, 32, 32)), rng.integers(0, 10, 5)
        image = torch.tensor(x, requires_grad=True)
        scores = theirs(image)
        np.testing.assert_allclose(net(x), scores.detach().numpy(), atol=1e-12)
        t.functional.cross_entropy(scores, torch.tensor(digits)).backward()
        by_input = net.backward(nn.cross_entropy_backward(1.0, net(x), digits))
        np.testing.assert_allclose(by_input, image.grad.numpy(), atol=1e-12)
        for name, parameter in theirs.named_parameters():
            ours = net.parameters()[name].grad
            np.testing.assert_allclose(ours, parameter.grad.numpy(), atol=1e-12)


def test_parts_of_a_net_share_its_layers():
    net = lenet()
    assert len(net[:6]) == 6
    assert net[:6][3] is net[3]
    x = RNG(1).random((2, 1, 32, 32), np.float32)
    np.testing.assert_array_equal(net[6:](net[:6](x)), net(x))


def test_images_without_a_batch():
    conv, pool = layers.Conv2d(1, 2, 3, rng=1, **F64), layers.MaxPool2d(2)
    x = RNG(1).random((1, 6, 6))
    net = layers.Sequential(conv, layers.ReLU(), pool)
    np.testing.assert_array_equal(net(x), net(x[None])[0])
    assert net.backward(net(x)).shape == x.shape


class TestFirstWeights:
    @pytest.mark.parametrize(
        ("layer", "fan_in"),
        [
            (layers.Conv2d(16, 32, 5, rng=1), 16 * 25),
            (layers.Conv2d(16, 32, 5, groups=4, rng=1), 4 * 25),
            (layers.ConvTranspose2d(16, 32, 5, rng=1), 32 * 25),
            (layers.Linear(256, 128, rng=1), 256),
        ],
    )
    def test_spread(self, layer, fan_in):
        """Evenly between -1 / sqrt(fan_in) and 1 / sqrt(fan_in), as PyTorch's."""
        bound = 1 / np.sqrt(fan_in)
        for parameter in layer.parameters().values():
            assert parameter.value.dtype == np.float32
            assert np.abs(parameter.value).max() <= bound
        assert np.abs(layer.weight.value).max() > 0.99 * bound
        assert abs(layer.weight.value.std() - bound / np.sqrt(3)) < 0.02 * bound

    @needs_torch
    def test_spread_is_that_of_torch(self):
        t, ours = torch.nn, layers
        for kind in ("Conv2d", "ConvTranspose2d"):
            theirs = getattr(t, kind)(16, 32, 5, groups=2).weight.detach().numpy()
            weight = getattr(ours, kind)(16, 32, 5, groups=2, rng=1).weight.value
            assert weight.shape == theirs.shape
            assert abs(weight.std() / theirs.std() - 1) < 0.03

    def test_seeds(self):
        one, same, other = (lenet(seed).state() for seed in (1, 1, 2))
        assert all(np.array_equal(one[name], same[name]) for name in one)
        assert not any(np.array_equal(one[name], other[name]) for name in one)


class TestTraining:
    def test_is_for_all_layers_inside(self):
        net = layers.Sequential(layers.Residual(layers.Dropout()), layers.BatchNorm2d(2))
        assert net.eval() is net
        assert not any(layer.training for _, layer in net.layers())
        net.train()
        assert all(layer.training for _, layer in net.layers())

    @pytest.mark.parametrize("layer", [layers.Dropout(0.5, rng=1), layers.RReLU(rng=1)])
    def test_noise(self, layer):
        x = RNG(1).standard_normal((4, 5))
        assert not np.array_equal(layer.train()(x), layer(x))
        np.testing.assert_array_equal(layer.eval()(x), layer(x))
        result = layer.train()(x)
        # Both are products with factors, which backward keeps from forward.
        np.testing.assert_allclose(layer.backward(np.ones_like(x)) * x, result)

    def test_batch_norm_remembers(self):
        layer, x = layers.BatchNorm2d(2, **F64), RNG(1).standard_normal((8, 2, 4, 4)) * 3 + 5
        for _ in range(200):
            layer(x)
        np.testing.assert_allclose(layer.running_mean, x.mean((0, 2, 3)))
        assert layer.num_batches_tracked == 200
        assert set(layer.state()) == {
            "weight", "bias", "running_mean", "running_var", "num_batches_tracked",
        }  # fmt: skip
        result = layer.eval()(x)
        assert layer.num_batches_tracked == 200
        np.testing.assert_allclose(result.mean((0, 2, 3)), 0, atol=1e-8)


class TestNames:
    def test_as_in_torch(self):
        net = layers.Sequential(
            layers.Conv2d(1, 2, 3),
            layers.Sequential(layers.Linear(2, 3, bias=False), layers.BatchNorm2d(3)),
        )
        assert list(net.parameters()) == [
            "0.weight",
            "0.bias",
            "1.0.weight",
            "1.1.weight",
            "1.1.bias",
        ]
        assert "1.1.running_mean" in net.state()

    def test_layers_of_ones_own(self):
        class Gate(layers.Layer):
            def __init__(self):
                self.strength = layers.Parameter(np.ones(1))
                self.inner = layers.Linear(2, 2)

        assert list(Gate().parameters()) == ["strength", "inner.weight", "inner.bias"]
        with pytest.raises(NotImplementedError, match="Gate has no forward"):
            Gate()(np.ones(2))

    def test_other_states_are_refused(self):
        layer = layers.Linear(2, 3, rng=1)
        before = layer.weight.value.copy()
        state = {name: np.zeros_like(array) for name, array in layer.state().items()}
        with pytest.raises(ValueError, match=r"missing: \['bias'\], unknown: \['b'\]"):
            layer.load_state({"weight": state["weight"], "b": state["bias"]})
        with pytest.raises(ValueError, match=r"bias must have shape \(3,\), got \(4,\)"):
            layer.load_state(state | {"bias": np.zeros(4)})
        np.testing.assert_array_equal(layer.weight.value, before)


class TestRefused:
    @pytest.mark.parametrize(
        ("make", "error", "message"),
        [
            (lambda: layers.Conv2d(3, 4, 3, groups=2), ValueError, "groups must divide"),
            (lambda: layers.Conv2d(0, 4, 3), ValueError, "in_channels must be at least 1, got 0"),
            (lambda: layers.Conv2d(3, 4, 0), ValueError, "kernel_size must be positive"),
            (lambda: layers.Linear(2.5, 4), TypeError, "in_features must be an integer"),
            (lambda: layers.Dropout(2), ValueError, "p must lie between 0 and 1, got 2"),
            (lambda: layers.Linear(2, 3, dtype=int), TypeError, "dtype must be float32 or"),
            (lambda: layers.Sequential(nn.relu), TypeError, "layers must be layers, got function"),
        ],
    )
    def test_arguments(self, make, error, message):
        with pytest.raises(error, match=message):
            make()

    def test_inputs(self):
        with pytest.raises(ValueError, match="both paths of Residual must give one shape"):
            layers.Residual(layers.Conv2d(1, 2, 1))(np.ones((1, 1, 2, 2), np.float32))
        with pytest.raises(ValueError, match="branches of Parallel must differ in channels only"):
            layers.Parallel(layers.Conv2d(1, 2, 1), layers.MaxPool2d(2))(
                np.ones((1, 1, 2, 2), np.float32)
            )
        with pytest.raises(ValueError, match=r"input must have shape \(N, C, H, W\), got \(2, 3\)"):
            layers.BatchNorm2d(3)(np.ones((2, 3), np.float32))
        for layer in (layers.Linear(2, 3), layers.Conv2d(2, 3, 1)):
            with pytest.raises(ValueError, match="input must have shape"):
                layer.output_shape((1, 4, 4))


class TestWindows:
    def test_chain(self):
        net = layers.Sequential(
            layers.Conv2d(1, 1, 7, 2), layers.ReLU(), layers.Conv2d(1, 1, 3, dilation=2),
            layers.MaxPool2d((1, 3)),
        )  # fmt: skip
        plain = [(7, 2), (3, 1, 2), ((1, 3),)]
        assert geometry.receptive_field([net]) == geometry.receptive_field(plain) == (15, 19)

    def test_branches(self):
        inception = layers.Parallel(
            layers.Conv2d(4, 2, 1, 2),
            layers.Sequential(layers.Conv2d(4, 2, 3, 2, padding=1), layers.Conv2d(2, 2, 3)),
        )
        assert geometry.receptive_field([inception]) == (7, 7)
        assert geometry.receptive_field([inception, 3]) == (11, 11)
        residual = layers.Residual(layers.Conv2d(2, 2, 5, padding=2))
        assert geometry.receptive_field([residual, 3]) == (7, 7)
        with pytest.raises(ValueError, match="branches must have one stride"):
            geometry.receptive_field(
                [layers.Parallel(layers.Conv2d(1, 1, 1, 2), layers.Conv2d(1, 1, 1))]
            )

    @pytest.mark.parametrize(
        "layer",
        [layers.ConvTranspose2d(1, 1, 2), layers.AdaptiveAvgPool2d(1), layers.PixelShuffle(2),
         layers.Upsample(2)],
    )  # fmt: skip
    def test_none(self, layer):
        with pytest.raises(ValueError, match="window"):
            geometry.receptive_field([layer])
