"""The choice of the reader for a model."""

from __future__ import annotations

from gfmtrust.bundle.schema import EXTERNAL
from gfmtrust.core.interfaces import ModelSpec
from gfmtrust.readers.causal import CausalReader
from gfmtrust.readers.counts import CountsReader
from gfmtrust.readers.external import ExternalReader
from gfmtrust.readers.masked import MaskedReader
from gfmtrust.readers.reader import Reader
from gfmtrust.readers.tokens import CausalTokensReader, TokensReader

READERS: dict[tuple[str, bool], type[Reader]] = {
    ("direct", False): MaskedReader,
    ("kmer", False): MaskedReader,
    ("direct", True): CausalReader,
    ("kmer", True): CausalReader,
    ("counts", False): CountsReader,
    ("likelihood", False): TokensReader,
    ("likelihood", True): CausalTokensReader,
}
"""(quantity that the graph answers, whether the model is causal) -> reader."""
READERS_OF_FAMILIES: dict[str, type[Reader]] = {EXTERNAL: ExternalReader}
"""Families without a graph -> reader; these are looked up first."""


def reader_of(bundle: ModelSpec) -> Reader:
    """Return the reader of a model."""
    reader = READERS_OF_FAMILIES.get(bundle.family) or READERS[bundle.quantity, bundle.causal]
    return reader(bundle)
