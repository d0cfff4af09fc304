"""The views of a run and their weights: all models have equal weight, which is shared equally by
the views of a model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.core.distributions import check_probs, check_views


@dataclass(frozen=True)
class Views:
    """The properties of each of V views.

    models: int (V,), index of its model; strands: '+' or '-' (V,), None where all read the forward
    strand. equivariant: bool (V,), whether the strands of its model are equal by construction; None
    means no view. distributions: bool (V,), whether it gives a distribution and not only
    likelihoods; None means every view.
    """

    models: np.ndarray
    strands: np.ndarray | None = None
    equivariant: np.ndarray | None = None
    distributions: np.ndarray | None = None

    def checked(self, probs: np.ndarray) -> Views:
        """The same properties as arrays, with the strands filled in. Raises ValueError that names
        an array whose length is not the number V of views in probs, (n, V, 4)."""
        strands = np.full(probs.shape[1], "+") if self.strands is None else self.strands
        return Views(
            check_views(self.models, probs, "views.models"),
            check_views(strands, probs, "views.strands"),
            *(
                None if values is None else check_views(values, probs, name).astype(bool)
                for values, name in (
                    (self.equivariant, "views.equivariant"),
                    (self.distributions, "views.distributions"),
                )
            ),
        )


def view_weights(probs: np.ndarray, view_models: np.ndarray) -> np.ndarray:
    """Weight of each view at each site: each of M admitted models has the weight 1/M, which is
    shared equally by its admitted views.

    A view is admitted where it is not NaN, and a model where one of its views is admitted. A model
    with 12 views has no more weight than one with 2 views. probs: (n, V, 4); view_models: int (V,).
    Returns float64 (n, V), rows summing to 1, or 0 where no view votes.
    """
    check_probs(probs)
    return shared_weights(answered(probs), check_views(view_models, probs, "views.models"))


def answered(probs: np.ndarray) -> np.ndarray:
    """Whether each view has a distribution, bool (n, V). probs: (n, V, 4)."""
    return np.asarray(~np.isnan(probs).any(axis=2))


def shared_weights(admitted: np.ndarray, view_models: np.ndarray) -> np.ndarray:
    """`view_weights` from the admitted views. admitted: bool (n, V)."""
    weights = np.zeros(admitted.shape)
    n_models = np.zeros(len(admitted))
    for model in np.unique(view_models):
        of_model = view_models == model
        n_views = admitted[:, of_model].sum(axis=1)
        n_models += n_views > 0
        weights[:, of_model] = admitted[:, of_model] / np.maximum(n_views, 1)[:, None]
    return weights / np.maximum(n_models, 1)[:, None]


def strand_weights(admitted: np.ndarray, views: Views) -> dict[str, np.ndarray]:
    """Weights (n, V) of the views of each strand, '+' and '-'. All are zero where no model read
    both strands, or only models whose strands are equal by construction did. admitted: bool (n,
    V)."""
    usable = np.ones(len(views.models), bool) if views.equivariant is None else ~views.equivariant
    admitted = np.asfortranarray(admitted & usable)
    weights = {strand: np.zeros(admitted.shape, order="F") for strand in "+-"}
    n_models = np.zeros(len(admitted))
    for model in np.unique(views.models):
        of_strand = {
            strand: admitted & (views.models == model) & (views.strands == strand)
            for strand in "+-"
        }
        n_views = {strand: of_strand[strand].sum(axis=1) for strand in "+-"}
        two_stranded = (n_views["+"] > 0) & (n_views["-"] > 0)
        n_models += two_stranded
        for strand in "+-":
            of_both = of_strand[strand] & two_stranded[:, None]
            weights[strand] += of_both / np.maximum(n_views[strand], 1)[:, None]
    for strand in "+-":
        weights[strand] /= np.maximum(n_models, 1)[:, None]
    return weights
