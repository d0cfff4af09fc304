"""`gfmtrust models check`: does a checkpoint open, export and read DNA? What a user runs first,
before any variant is scored.

    check = check_model("hyenadna-tiny-1k" | "org/name@commit" | "weights/" | "bundle/")
    text(check)                                     # what is printed; content(check) is the JSON

`sample` gives the genome (a small real one ships with the package), `evaluate` asks the model for
bases of it, `baselines` asks simple models for the same bases, `tokens` shows one window as the
model reads it, `report` words the result, `run` puts them together.
"""

from gfmtrust.export.check_model.report import Check, Figures, content, failure, text
from gfmtrust.export.check_model.run import check_model

__all__ = ["Check", "Figures", "check_model", "content", "failure", "text"]
