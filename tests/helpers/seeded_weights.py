"""Weights that any implementation with the same parameter names can be given: from numpy's
generator, by name, so that arrays of another implementation's answers can be kept beside the tests
(`golden/`) without its weights."""

import numpy as np


def fill(network, seed: int) -> None:
    """Give each parameter of a torch network values that depend on seed, name and shape alone; tied
    ones by their first name."""
    import torch

    for name, parameter in sorted(network.named_parameters()):
        rng = np.random.default_rng([seed, *name.encode()])
        parameter.data = torch.from_numpy(
            values(name, tuple(parameter.shape), rng).astype(np.float32)
        )


def values(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """State space rates and steps of the size training gives, norms near 1, all else normal, scaled
    by what goes in."""
    if name.endswith("A_log"):
        return np.log(rng.uniform(0.5, 16, shape))
    if name.endswith(("dt_proj.bias", "dt_bias")):
        return rng.uniform(-4, 0, shape)
    if name.endswith(
        (".D", "norm.weight", "norm_f.weight", "norm.submodule.weight", "norm_f.submodule.weight")
    ):
        return 1 + 0.2 * rng.standard_normal(shape)
    return rng.standard_normal(shape) * (
        1.5 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.2
    )
