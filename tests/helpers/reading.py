"""A model's reader called in one line, as most tests of reading do."""

from gfmtrust.readers import tiles
from gfmtrust.readers.options import ReadingOptions
from gfmtrust.readers.registry import reader_of


def score_sites(
    session, bundle, genome, contig_index, pos, preset="default", neighbours=True, **options
):
    reading = ReadingOptions(preset, neighbours, **options)
    return reader_of(bundle).score_sites(session, genome, contig_index, pos, reading)


def score_haplotypes(session, bundle, genome, contig_index, variants, preset="default", **options):
    reading = ReadingOptions(preset, **options)
    return reader_of(bundle).score_variants(session, genome, contig_index, variants, reading)


def score_tiles(
    session, bundle, genome, contig_index, pos, stride, preset="default", neighbours=True
):
    reading = ReadingOptions(preset, neighbours)
    return tiles.score_tiles(
        reader_of(bundle), session, genome, (contig_index, pos), stride, reading
    )


def views_of(bundle, preset):
    return reader_of(bundle).views(preset)
