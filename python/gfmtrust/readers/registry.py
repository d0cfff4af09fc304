"""Which way of reading a model gets."""

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
"""By the quantity that the graph answers and whether it is causal."""
READERS_OF_FAMILIES: dict[str, type[Reader]] = {EXTERNAL: ExternalReader}
"""Families without a graph; they come first."""


def reader_of(bundle: ModelSpec) -> Reader:
    """The reader of a model."""
    reader = READERS_OF_FAMILIES.get(bundle.family) or READERS[bundle.quantity, bundle.causal]
    return reader(bundle)
