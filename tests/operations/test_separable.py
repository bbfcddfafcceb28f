"""Sums of separable kernels whose windows lie beside each other, which no public filter has."""

import numpy as np
import pytest
import scipy.ndimage as ndi
from cases import sample

from imgconv.core.run import Call
from imgconv.operations.separable import Kernel1D, Separable

COLUMN, ROW = np.array([1.0, 2.0, 1.0]), np.array([-1.0, 0.0, 3.0])


def kernels(size, origins):
    """Return a term with a column and a row of this size, and the taps that are at the pixel."""
    column, row = (np.resize(weights, size) for weights in (COLUMN, ROW))
    return Kernel1D(column, origins[0]), Kernel1D(row, origins[1])


def defined(image, term):
    """Return the sum of a term by its definition."""
    column, row = term
    dense = np.outer(column.weights, row.weights)
    origin = [kernel.origin - len(kernel.weights) // 2 for kernel in term]
    return ndi.correlate(image.astype(np.float64), dense, mode="reflect", origin=origin)


@pytest.mark.parametrize("size", [3, 4])
@pytest.mark.parametrize("shape", [(1, 1), (5, 9), (70, 301)])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_components_with_windows_of_their_own(size, shape, dtype):
    terms = kernels(size, (0, 2)), kernels(size, (2, 0))
    image = sample(shape, dtype)
    operation = Separable(tuple((term,) for term in terms))
    assert operation.light == (size == 3)
    for found, term in zip(Call(operation, image).run(), terms, strict=True):
        expected = defined(image, term)
        np.testing.assert_allclose(found, expected, rtol=0, atol=3e-6 * np.abs(image).max() * 16)


@pytest.mark.parametrize("stride", [(2, 1), (1, 2), (3, 2), (9, 7)])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_stride_keeps_the_bits(stride, dtype):
    image = sample((40, 301), dtype)
    term = kernels(3, (1, 1))
    whole = Call(Separable(((term,),)), image).run()
    found = Call(Separable(((term,),), stride=stride), image).run()
    np.testing.assert_array_equal(found, whole[:: stride[0], :: stride[1]])


def test_nothing_is_left_where_an_image_is_flat():
    """The sums along the rows cancel exactly, whatever the pixels."""
    image = np.full((9, 40), 0.1, np.float32)
    term = Kernel1D.centred(COLUMN), Kernel1D.centred([-1.0, 0.0, 1.0])
    assert (Call(Separable(((term,),)), image).run() == 0).all()
    term = Kernel1D.centred([-1.0, 0.0, 1.0]), Kernel1D.centred(COLUMN)
    assert (Call(Separable(((term,),)), image).run() == 0).all()
