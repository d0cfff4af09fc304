"""The options of an export."""

from __future__ import annotations

from dataclasses import dataclass

N_WINDOWS = 1000


@dataclass(frozen=True)
class ExportOptions:
    """What a user can choose for the export of a model.

    model_id: name of the bundle; None takes that of the model.
    allow_untrained: write the bundle even if the model fails the sanity check.
    n_windows: number of windows of the genome for the sanity check.
    window_bp: length of the window in bases; None takes that of the checkpoint or its family.
    threads: of ONNX Runtime. precision: one of `bundle.schema.PRECISIONS`.
    heldout_contigs: of the genome, which the model never saw in its training.
    """

    model_id: str | None = None
    allow_untrained: bool = False
    n_windows: int = N_WINDOWS
    window_bp: int | None = None
    threads: int = 1
    precision: str = "fp32"
    heldout_contigs: tuple[str, ...] = ()
