"""gfmtrust: how far a genomic foundation model can be trusted at each variant."""

__version__ = "0.1.0"
