"""The options of an export, and the rule for the name of a bundle."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gfmtrust.core.errors import ConfigurationError, message

N_WINDOWS = 1000
MODEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
"""What names a bundle: its folder, and a column of the run's tables."""


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


def checked_id(name: str) -> str:
    """The name, where a bundle may carry it. Raises ConfigurationError (78)."""
    if not MODEL_ID.fullmatch(name):
        raise ConfigurationError(
            message("--model_id", repr(name), MODEL_ID.pattern, "give the model another name")
        )
    return name
