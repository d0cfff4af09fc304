"""`gfmtrust models check`: can a checkpoint be opened and exported, and does it read DNA? A user
runs it first, before any variant is scored.

    check = check_model("hyenadna-tiny-1k" | "org/name@commit" | "weights/" | "bundle/")
    text(check)                                     # what is printed; content(check) is the JSON

`sample` provides the genome (a small real one is part of the package), `evaluate` scores bases of
it with the model, `baselines` scores the same bases with simple models, `tokens` shows one window
as the model reads it, `report` formats the result, and `run` combines them.
"""

from gfmtrust.export.check_model.report import Check, Figures, content, failure, text
from gfmtrust.export.check_model.run import check_model

__all__ = ["Check", "Figures", "check_model", "content", "failure", "text"]
