"""Causal convolution as long as the window, with the Fourier transform written as matrix products;
the graph contains no DFT operator and no loop.

A transform of N = N1·N2 points is one of N1 points over the columns of a table and one of N2 points
over its rows, with a rotation in between (Cooley and Tukey 1965; as matrix products for a
convolution: Fu et al. 2023, "Monarch Mixer"). Steps n = N2·n1 + n2 and frequencies k = k1 + N1·k2
keep the channels innermost, so that no transposition is needed. As the signal is real, k1 from 0 to
N1/2 suffices. The upper half of the table would only hold the zeros that prevent the convolution
from wrapping around, so it is neither read nor written.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

LONGEST_CONSTANT = 8192
"""Windows of up to this many steps store the spectra of their filters and the rotated row
transforms as constants: 8 bytes per step and channel, 35 MB per layer of width 256 at 6,144 steps
with both tables. For longer windows the spectra are computed in the graph from inputs, so that
constant folding cannot expand them."""

Spectrum = tuple[torch.Tensor, torch.Tensor]
"""The real and the imaginary part, each float32 (batch, N1/2 + 1, N2, width)."""


def factors(length: int) -> tuple[int, int]:
    """Return N1, which is even, and N2 such that N1·N2 is at least twice the length and the number
    of multiplications is smallest."""
    tables = ((n1, -(-2 * length // n1)) for n1 in range(2, 2 * length + 2, 2))
    return min(tables, key=lambda table: table[0] * table[1] * (table[0] + 4 * table[1]))


class LongConvolution(nn.Module):
    """Convolutions of up to `length` steps, all computed at one internal size; a shorter window is
    padded with zeros at its end.

    A longer window makes the graph fail, because its steps do not fit into the table.
    """

    columns_in: torch.Tensor
    columns_out: torch.Tensor
    rows_real: torch.Tensor
    rows_imaginary: torch.Tensor
    back_real: torch.Tensor
    back_imaginary: torch.Tensor
    turn_real: torch.Tensor
    turn_imaginary: torch.Tensor

    def __init__(self, length: int):
        super().__init__()
        self.n1, self.n2 = factors(length)
        self.is_constant = length <= LONGEST_CONSTANT
        first = np.arange(self.n1 // 2 + 1)
        table = _turned(np.outer(first, np.arange(self.n1 // 2)), self.n1)
        share = np.where((first == 0) | (first == self.n1 // 2), 1, 2)[:, None] / (
            self.n1 * self.n2
        )
        self._keep("columns_in", _interleaved(table))
        self._keep("columns_out", _interleaved(table * share).T)
        steps = np.arange(self.n2)
        if self.is_constant:  # the rotation is part of the row transform of each k1
            rows = _turned(
                steps * (first[:, None, None] + self.n1 * steps[:, None]), self.n1 * self.n2
            )
        else:
            rows = _turned(np.outer(steps, steps), self.n2)[None]
            turn = _turned(np.outer(first, steps), self.n1 * self.n2)[..., None]
            self._keep("turn_real", np.real(turn))
            self._keep("turn_imaginary", np.imag(turn))
        real, imaginary = (
            np.concatenate([np.real(rows), -np.imag(rows)], 2),
            np.concatenate([np.imag(rows), np.real(rows)], 2),
        )
        self._keep("rows_real", real)
        self._keep("rows_imaginary", imaginary)
        self._keep("back_real", real.transpose(0, 2, 1))
        self._keep("back_imaginary", imaginary.transpose(0, 2, 1))

    def _keep(self, name: str, values: np.ndarray) -> None:
        self.register_buffer(
            name, torch.tensor(np.ascontiguousarray(values), dtype=torch.float32), persistent=False
        )

    @property
    def n_steps(self) -> int:
        """The number of steps that the table holds."""
        return self.n1 // 2 * self.n2

    def constant_spectrum(self, taps: torch.Tensor) -> Spectrum:
        """Return the spectrum of a filter (steps, width), computed in float64 by numpy's own
        transform."""
        values = np.fft.fft(taps.double().numpy(), self.n1 * self.n2, axis=0)
        values = values.reshape(self.n2, self.n1, -1).swapaxes(0, 1)[None, : self.n1 // 2 + 1]
        real, imaginary = (
            torch.tensor(np.ascontiguousarray(part), dtype=torch.float32)
            for part in (np.real(values), np.imag(values))
        )
        return real, imaginary

    def spectrum(self, x: torch.Tensor) -> Spectrum:
        """Return the spectrum of x, (batch, steps, width)."""
        width = x.shape[-1]
        x = nn.functional.pad(x, (0, 0, 0, self.n_steps - x.shape[1])).reshape(
            -1, self.n1 // 2, self.n2 * width
        )
        x = (self.columns_in @ x).reshape(-1, self.n1 // 2 + 1, 2 * self.n2, width)
        if not self.is_constant:
            x = self._rotated(x, 1)
        return self.rows_real @ x, self.rows_imaginary @ x

    def forward(self, x: torch.Tensor, taps: Spectrum) -> torch.Tensor:
        """Return each channel of x, (batch, steps, width), convolved with its filter; the shape is
        that of x."""
        n, width = x.shape[1:]
        (real, imaginary), (tap_real, tap_imaginary) = self.spectrum(x), taps
        x = self.back_real @ (real * tap_real - imaginary * tap_imaginary) + self.back_imaginary @ (
            real * tap_imaginary + imaginary * tap_real
        )
        if not self.is_constant:
            x = self._rotated(x, -1)
        x = self.columns_out @ x.reshape(-1, self.n1 + 2, self.n2 * width)
        return x.reshape(-1, self.n_steps, width)[:, :n]

    def _rotated(self, x: torch.Tensor, sign: int) -> torch.Tensor:
        real, imaginary = x[:, :, : self.n2], x[:, :, self.n2 :]
        turn = self.turn_imaginary * sign
        return torch.cat(
            [real * self.turn_real - imaginary * turn, imaginary * self.turn_real + real * turn], 2
        )


def _turned(numbers: np.ndarray, n: int) -> np.ndarray:
    """Return exp(-2πi number / n), complex128, for integers; they are reduced modulo n first, so
    that no precision is lost."""
    return np.exp(-2j * np.pi * (numbers % n) / n)


def _interleaved(table: np.ndarray) -> np.ndarray:
    """Return the real and imaginary rows in alternation, (2 rows, columns)."""
    return np.stack([np.real(table), np.imag(table)], 1).reshape(-1, table.shape[1])
