"""Long convolutions as matrix products against the sum that defines them, in float64."""

import numpy as np
import pytest

pytestmark = pytest.mark.torch


def signals(n, width=3, batch=2, seed=0):
    """A signal and a decaying filter of every channel, float32 (batch, n, width) and (n, width)."""
    rng = np.random.default_rng(seed)
    taps = rng.normal(size=(n, width)) * np.exp(-5 * np.arange(n) / n)[:, None]
    return rng.normal(size=(batch, n, width)).astype(np.float32), (taps / np.sqrt(n)).astype(
        np.float32
    )


def by_definition(x, taps):
    """y[i] = sum over j up to i of x[j] taps[i - j], channel by channel."""
    x, taps = x.astype(np.float64), taps.astype(np.float64)
    return np.stack(
        [
            np.stack(
                [np.convolve(row[:, c], taps[:, c])[: len(row)] for c in range(row.shape[1])], 1
            )
            for row in x
        ]
    )


def convolved(x, taps, length, constant):
    import torch

    from gfmtrust.models.layers.long_convolution import LongConvolution

    products, taps = LongConvolution(length), torch.from_numpy(taps)
    spectrum = products.constant_spectrum(taps) if constant else products.spectrum(taps[None])
    return products(torch.from_numpy(x), spectrum).numpy()


@pytest.mark.parametrize("constant", [True, False])
@pytest.mark.parametrize("limit", [8192, 0])
@pytest.mark.parametrize(
    ("n", "length"),
    [(1, 1), (2, 2), (7, 7), (64, 64), (50, 64), (97, 200), (2048, 2048), (6144, 6144)],
)
def test_the_sum_that_defines_it(monkeypatch, n, length, limit, constant):
    """Both forms of the tables, spectra as constants and made by the products themselves, windows
    shorter than the table."""
    from gfmtrust.models.layers import long_convolution

    monkeypatch.setattr(long_convolution, "LONGEST_CONSTANT", limit)
    x, taps = signals(n)
    assert np.abs(convolved(x, taps, length, constant) - by_definition(x, taps)).max() < 3e-6


@pytest.mark.parametrize("n", [1, 2, 3, 63, 512, 6144, 131_072])
def test_tables_hold_the_window_twice(n):
    from gfmtrust.models.layers.long_convolution import factors

    n1, n2 = factors(n)
    assert n1 % 2 == 0
    assert 2 * n <= n1 * n2 < 2 * n + max(n1, 2)


def test_a_table_without_room_for_the_zeros_goes_round():
    """What the upper half of the table is for: the same products for half the length give the end's
    overhang at the beginning."""
    x, taps = signals(64)
    taps += 0.1
    assert (
        np.abs(
            np.fft.ifft(np.fft.fft(x, axis=1) * np.fft.fft(taps, axis=0), axis=1).real
            - by_definition(x, taps)
        ).max()
        > 0.1
    )
    assert np.abs(convolved(x, taps, 64, True) - by_definition(x, taps)).max() < 3e-6
