"""A session that records the windows it is given."""

from functools import partial

import fake_bundle
import numpy as np

FakeBundle = partial(
    fake_bundle.FakeBundle, window_bp=64, shifts=(-8, 8), neighbour_offsets=(-10, -5, 5, 10)
)

REACH = 9


class Listener:
    """p(base) grows with how often it stands within REACH of the position, masked letters left out,
    the right side counting double."""

    def __init__(self):
        self.windows = 0

    def distributions(self, codes, index):
        self.windows += len(codes)
        probs = np.empty((*index.shape, 1, 4), np.float32)
        for row, window in enumerate(codes):
            hidden = set(index[row].tolist())
            for column, at in enumerate(index[row].tolist()):
                seen = np.ones(4)
                for beside in range(max(0, at - REACH), min(len(window), at + REACH + 1)):
                    if beside not in hidden and window[beside] < 4:
                        seen[window[beside]] += 1 + (beside > at)
                probs[row, column, 0] = seen / seen.sum()
        return probs, np.zeros(index.shape, np.float32)
