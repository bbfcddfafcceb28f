"""Training: optimizers, learning rates that change, and a loop. Experimental: names may change.

Optimizers and learning rates compute what their namesakes in `torch.optim` compute.

>>> import numpy as np
>>> from imgconv.nn import layers, train
>>> rng = np.random.default_rng(1)
>>> x = rng.standard_normal((256, 2))
>>> net = layers.Sequential(layers.Linear(2, 1, rng=rng, dtype=np.float64))
>>> optimizer = train.SGD(net.parameters(), lr=0.1, momentum=0.5)
>>> history = train.fit(
...     net, x, x @ [[3.0], [-2.0]] + 1, optimizer, loss="mse_loss", epochs=10, rng=rng
... )
>>> net[0].weight.value.round(3), net[0].bias.value.round(3)
(array([[ 3., -2.]]), array([1.]))
"""

from imgconv.nn.train import optimizers, schedules, training
from imgconv.nn.train.optimizers import *
from imgconv.nn.train.schedules import *
from imgconv.nn.train.training import *

__all__: list[str] = []
__all__ += optimizers.__all__
__all__ += schedules.__all__
__all__ += training.__all__
