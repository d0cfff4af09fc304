"""What scoring asks of a bundle, without files: tests give it the window they count by hand."""

from dataclasses import dataclass
from types import SimpleNamespace


@dataclass
class FakeBundle:
    """A masked model of single bases with two strands, its site in the middle of the window; see
    `gfmtrust.bundle.bundle.Bundle`."""

    window_bp: int
    shifts: tuple = ()
    quantity: str = "direct"
    k: int = 1
    causal: bool = False
    site_forward: int | None = None
    site_reverse: int | None = None
    rc_equivariant: bool = False
    n_members: int = 1
    neighbour_offsets: tuple = ()
    neighbours_in_same_pass: bool = False
    model_id: str = "toy"
    family: str = "toy"

    def __post_init__(self):
        if self.site_forward is None:
            self.site_forward, self.site_reverse = self.window_bp // 2, (self.window_bp - 1) // 2

    @property
    def text(self):
        return SimpleNamespace(k=self.k)
