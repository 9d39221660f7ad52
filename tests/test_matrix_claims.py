"""What the lecture says about layers as matrices, sharing and equivariance, as chapter 4 shows it."""

import numpy as np
import pytest
import torch

import lecture5
from lecture5 import data, insight, nets


def sees(in_size, out_size, tap, stride, padding, dilation):
    cell = stride * np.arange(out_size)[:, None] + dilation * tap - padding
    return (cell == np.arange(in_size)).astype(int)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 2])
@pytest.mark.parametrize("dilation", [1, 2])
def test_w1_is_a_sum_of_kronecker_products(stride, padding, dilation):
    w = np.arange(1, 37).reshape(3, 2, 2, 3)
    settings = {"stride": stride, "padding": padding, "dilation": dilation}
    out = [lecture5.conv_output_size(n, k, **settings) for n, k in ((7, 2), (9, 3))]
    total = sum(
        np.kron(w[:, :, a, b], np.kron(sees(7, out[0], a, **settings), sees(9, out[1], b, **settings)))
        for a, b in np.ndindex(2, 3)
    )
    np.testing.assert_array_equal(total, lecture5.conv_matrix(w, (2, 7, 9), sparse=False, **settings))


def test_three_layers_between_the_same_maps_learn_36_16_and_4_weights():
    image = (1, 3, 3)
    full = lecture5.fully_connected_matrix(np.arange(1, 37).reshape(1, 2, 2, 1, 3, 3), image)
    local = lecture5.locally_connected_matrix(np.arange(1, 17).reshape(1, 2, 2, 1, 2, 2), image, sparse=False)
    conv = lecture5.conv_matrix(np.arange(1, 5).reshape(1, 1, 2, 2), image, sparse=False)
    assert [len(np.unique(matrix[matrix > 0])) for matrix in (full, local, conv)] == [36, 16, 4]
    assert ((local > 0) == (conv > 0)).all()
    assert np.count_nonzero(conv) == 16


def test_the_gradient_of_a_shared_weight_is_the_sum_over_its_places():
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(2, 2, 5, 6, generator=generator, dtype=torch.float64)
    shared = torch.randn(3, 2, 2, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    free = shared.detach()[:, None, None].repeat(1, 4, 4, 1, 1, 1).requires_grad_()
    (lecture5.conv2d(x, shared) ** 3).sum().backward()
    (lecture5.matrices.locally_connected(x, free) ** 3).sum().backward()
    torch.testing.assert_close(free.grad.sum(dim=(1, 2)), shared.grad)


def test_what_commutes_with_shifts_is_a_circular_convolution():
    rng = np.random.default_rng(1)
    anything, size = rng.normal(size=(7, 7)), 7
    shifts = [np.roll(np.eye(size), t, axis=0) for t in range(size)]
    average = sum(S.T @ anything @ S for S in shifts) / size
    np.testing.assert_allclose(average @ shifts[1], shifts[1] @ average)
    assert not np.allclose(anything @ shifts[1], shifts[1] @ anything)
    np.testing.assert_allclose(average, [np.roll(average[0], n) for n in range(size)])
    # A convolution that is circular already is left as it is.
    circulant = np.array([np.roll(anything[0], n) for n in range(size)])
    np.testing.assert_allclose(sum(S.T @ circulant @ S for S in shifts) / size, circulant)


@pytest.fixture(scope="module")
def photo():
    return torch.tensor(data.photograph("coffee")[None, None, :96, :144])


@pytest.fixture(scope="module")
def kernels():
    return torch.randn(4, 1, 5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("mode", ["zeros", "replicate", "reflect"])
def test_padding_breaks_equivariance_at_the_border_only(photo, kernels, mode):
    def layer(x):
        return lecture5.conv2d(x, kernels, padding=2, padding_mode=mode).relu()

    assert insight.equivariance_error(layer, photo, (0, 3)) > 0.01
    assert insight.equivariance_error(layer, photo, (0, 3), margin=5) < 1e-12
    assert insight.equivariance_error(layer, photo, (0, 3), margin=4) > 1e-3  # the margin is as small as can be


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_strides_are_equivariant_to_their_own_multiples_only(photo, kernels, stride):
    def layer(x):
        return lecture5.conv2d(x, kernels, padding=2, padding_mode="circular", stride=stride).relu()

    for shift in range(9):
        error = insight.equivariance_error(layer, photo, (0, shift), stride=stride)
        assert (error < 1e-12) == (shift % stride == 0)


def test_the_border_reaches_further_in_with_depth(photo):
    """Zero padding, random layers of 3 × 3, five networks: more layers, more error, also one by one."""
    errors = []
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        x, moved, found = photo, photo.roll(4, dims=3), []
        for _ in range(8):
            w = torch.randn(8, x.shape[1], 3, 3, generator=generator, dtype=torch.float64)
            x, moved = (lecture5.conv2d(y, w, padding=1).relu() for y in (x, moved))
            found.append(((moved - x.roll(4, dims=3)).norm() / x.norm()).item())
        errors.append(found)
    errors = np.array(errors)
    assert (errors[:, 7] > errors[:, 0]).all()
    assert np.median(errors[:, 7]) > 1.5 * np.median(errors[:, 0])


def test_lenets_maps_move_with_the_digits_but_its_answers_change():
    lenet, digits = nets.load("lenet5-digits"), torch.tensor(data.digits("test")[0][:500])
    ink = (digits[:, 0] > 0.2).any(dim=1)
    by_four, by_two = (insight.equivariance_error(lenet.features, digits, (0, t), stride=4, margin=1) for t in (4, 2))
    assert by_four < 0.02 < 0.3 < by_two
    stable = {t: insight.prediction_stability(lenet, digits[~ink[:, 28 - t :].any(dim=1)], (0, t)) for t in (1, 4, 6)}
    assert stable[1] > 0.98
    assert 0.9 < stable[4] < 0.98
    assert stable[6] < 0.75
