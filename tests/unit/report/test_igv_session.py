"""Flags as BED9 and the IGV session that opens the tracks, read back with the standard
library's and htslib's readers."""

import gzip
import re
from dataclasses import replace
from xml.etree import ElementTree

import pyBigWig
import pysam
import pytest
from synthetic_run import MODELS, base_rows, site_row, write_rows

from gfmtrust.cli import main as cli
from gfmtrust.core.errors import CannotWriteError, MissingInputError, UsageError
from gfmtrust.core.vocabulary import Rank
from gfmtrust.io.tables import REGION_BASES, SITES
from gfmtrust.report.figures import COLOUR
from gfmtrust.report.igv_session import igv_session, write_session
from gfmtrust.report.track_list import BIGWIGS, FLAGS, LEVEL_COLOURS, assembly_name
from gfmtrust.report.tracks import write_tracks

CONTIGS = [("chr10", 5_000), ("chr1", 3_000)]
GENOME = {
    "contigs": [name for name, _ in CONTIGS],
    "contig_lengths": [length for _, length in CONTIGS],
    "models": MODELS,
}
ALLELES = [
    site_row("chr10", 9, "A", "C", rank=3, rel=0.98766),
    site_row("chr10", 9, "A", "G", rank=2, rel=0.75),
    site_row("chr10", 9, "ATG", "A"),
    site_row("chr10", 40, "C", "<DEL>", "SYMBOLIC"),
    site_row("chr10", 60, "C" * 70, "C", "TOO_LONG"),
    site_row("chr10", 4_999, "CA", "C", "OUT_OF_RANGE"),
    site_row("1", 2, "T", "A", rank=1, rel=0.5, contig_index=1),
    site_row("1", 5, "T", "A", rank=3, rel=0.9, contig_index=1),
    site_row("chrUn", 2, "T", "A", "NO_CONTIG", contig_index=-1),
]
LINES = [
    "chr10\t9\t10\tHIGH A>C\t988\t.\t9\t10\t0,114,178",
    "chr10\t9\t10\tMEDIUM A>G\t750\t.\t9\t10\t230,159,0",
    "chr10\t9\t12\tLOW ATG>A\t625\t.\t9\t12\t213,94,0",
    "chr10\t40\t41\tNOT_SCORED C><DEL> SYMBOLIC\t0\t.\t40\t41\t150,150,150",
    f"chr10\t60\t130\tNOT_SCORED {'C' * 60}...>C TOO_LONG\t0\t.\t60\t130\t150,150,150",
    "chr1\t2\t3\tLOW T>A\t500\t.\t2\t3\t213,94,0",
    "chr1\t5\t6\tHIGH T>A\t900\t.\t5\t6\t0,114,178",
]
HOSTILE = ['<b/onload="x">&amp;\'', 'a"},{"x', "]]><!--", "$(touch_x);`id`"]


def written_session(folder, alleles=ALLELES, bases=(), contigs=CONTIGS, **options):
    """Tracks of a run of these rows, below folder/tracks."""
    facts = {
        **GENOME,
        "contigs": [name for name, _ in contigs],
        "contig_lengths": [length for _, length in contigs],
    }
    write_rows(folder / "sites.parquet", list(alleles), SITES, facts)
    write_rows(folder / "bases.parquet", list(bases), REGION_BASES, facts)
    return write_tracks(
        folder / "bases.parquet", folder / "sites.parquet", folder / "tracks", **options
    )


def flag_lines(folder):
    with gzip.open(folder / "tracks" / "flags.bed.gz", "rt") as file:
        return file.read().splitlines()


def session_of(folder):
    return ElementTree.parse(folder / "tracks" / "igv_session.xml").getroot()


def test_flags_line_by_line(tmp_path):
    written_session(tmp_path)
    comment, *lines = flag_lines(tmp_path)
    assert comment.startswith("#contig\tstart\tend\tname\tscore")
    assert lines == LINES
    assert {len(line.split("\t")) for line in [comment, *lines]} == {9}
    with pysam.TabixFile(str(tmp_path / "tracks" / "flags.bed.gz")) as file:
        assert list(file.fetch("chr1", 4, 6)) == LINES[-1:]


def test_flags_have_the_colours_of_the_report():
    assert {
        rank: "#{:02x}{:02x}{:02x}".format(*colour) for rank, colour in LEVEL_COLOURS.items()
    } == COLOUR
    assert set(LEVEL_COLOURS) == set(Rank)


def test_a_track_needs_no_escape_and_names_its_column():
    for track in (*BIGWIGS, FLAGS):
        assert re.fullmatch(r"[a-z]+", track.id), track
        assert track.column is None or track.column in REGION_BASES.names
        assert track.lowest < track.highest
        assert not re.search(r"[\n\"<>&]", track.title), track


def test_the_session_names_every_track(tmp_path):
    paths = written_session(tmp_path, bases=base_rows("chr10", 100, 20))
    bigwigs = [f"{name}.bw" for name in ("entropy", "gain", "disagreement", "surprisal", "rank")]
    assert [path.name for path in paths] == [
        *bigwigs,
        "flags.bed.gz",
        "flags.bed.gz.tbi",
        "igv_session.xml",
    ]
    assert all(path.is_file() for path in paths)
    session = session_of(tmp_path)
    assert [resource.get("path") for resource in session.iter("Resource")] == [
        *bigwigs,
        "flags.bed.gz",
    ]
    assert [track.get("id") for track in session.iter("Track")] == [*bigwigs, "flags.bed.gz"]
    assert session.get("genome") == "genome"
    assert session.get("locus") == "chr10:101-600"


def test_every_named_file_is_there_and_every_track_is_named(tmp_path):
    """Without gain and disagreement, as of the context model alone."""
    written_session(
        tmp_path, bases=[{**row, "gain": None, "dis": None} for row in base_rows("chr10", 100, 20)]
    )
    folder = tmp_path / "tracks"
    named = {resource.get("path") for resource in session_of(tmp_path).iter("Resource")}
    assert (
        named
        == {"entropy.bw", "surprisal.bw", "rank.bw", "flags.bed.gz"}
        == {path.name for path in folder.glob("*[wz]")}
    )


def test_a_run_without_regions_has_flags_alone(tmp_path):
    assert [path.name for path in written_session(tmp_path)] == [
        "flags.bed.gz",
        "flags.bed.gz.tbi",
        "igv_session.xml",
    ]
    assert session_of(tmp_path).get("locus") == "chr10:10-509"


def test_a_run_without_alleles_has_an_empty_flag_file(tmp_path):
    written_session(tmp_path, alleles=[], bases=base_rows("chr10", 4_990, 10))
    assert len(flag_lines(tmp_path)) == 1
    assert session_of(tmp_path).get("locus") == "chr10:4991-5000"
    (tmp_path / "none").mkdir()
    written_session(tmp_path / "none", alleles=[])
    assert session_of(tmp_path / "none").get("locus") == "All"


def test_a_long_contig_gets_a_csi(tmp_path):
    paths = written_session(
        tmp_path, alleles=[site_row("long", 2**29 + 7, "A", "C")], contigs=[("long", 2**30)]
    )
    assert "flags.bed.gz.csi" in [path.name for path in paths]


@pytest.mark.parametrize(
    ("contigs", "name"),
    [
        ([("chr1", 248_956_422)], "hg38"),
        ([("2", 3), ("1", 249_250_621)], "hg19"),
        ([("chr1", 195_154_279)], "mm39"),
        ([("chr2", 248_956_422)], "genome"),
        ([("chr1", 248_956_421)], "genome"),
        ([], "genome"),
    ],
)
def test_assemblies_are_known_by_chromosome_1(contigs, name):
    assert assembly_name(contigs) == name


def test_two_runs_are_byte_identical(tmp_path):
    (tmp_path / "again").mkdir()
    bases = base_rows("chr10", 0, 9)
    one, two = (
        {path.name: path.read_bytes() for path in written_session(folder, bases=bases)}
        for folder in (tmp_path, tmp_path / "again")
    )
    assert one == two


@pytest.mark.bad_input
@pytest.mark.parametrize("contig", [*HOSTILE, "\x1b[31mred", "é\u2028"])
def test_a_hostile_contig_name_comes_back_as_itself(tmp_path, contig):
    """Through bigWig, BED and XML; XML, which has no way to hold a control character, does
    without the place."""
    written_session(
        tmp_path,
        alleles=[site_row(contig, 5, "A", "C", rank=3)],
        bases=base_rows(contig, 3, 9),
        contigs=[(contig, 100)],
    )
    session = session_of(tmp_path)
    assert session.get("locus") == (f"{contig}:4-100" if contig in HOSTILE else "All")
    assert [
        len(list(session.iter(tag))) for tag in ("Session", "Resource", "Track", "DataRange")
    ] == [1, 6, 6, 5]
    with pyBigWig.open(str(tmp_path / "tracks" / "rank.bw")) as file:
        assert file.chroms() == {contig: 100}
        assert file.values(contig, 3, 12) == [3.0] * 9
    flags = gzip.decompress((tmp_path / "tracks" / "flags.bed.gz").read_bytes()).decode()
    assert flags.split("\n")[1].split("\t")[0] == contig
    indexed = (tmp_path / "tracks" / "flags.bed.gz.tbi").is_file()
    assert (
        indexed or contig not in HOSTILE
    )  # htslib reads no index of a name with control characters


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "name", ["", "hg 38", "hg38\ntrackDb http://x", "<x>", "../../x", "a" * 65, "é"]
)
def test_an_assembly_that_is_no_word_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="--assembly"):
        write_session(tmp_path, ["entropy.bw"], CONTIGS, name, None)
    assert not list(tmp_path.iterdir())


@pytest.mark.bad_input
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_words_in_a_title_are_escaped(name):
    """No title of ours is hostile; the writers do not rely on it."""
    track = replace(BIGWIGS[0], title=name)
    assert (
        ElementTree.fromstring(igv_session([track], "hg38", name)).find("Panel/Track").get("name")
        == name
    )


@pytest.mark.bad_input
def test_refusals(tmp_path):
    written_session(tmp_path)
    with pytest.raises(CannotWriteError, match="exists"):
        written_session(tmp_path)
    assert written_session(tmp_path, force=True, assembly="hg38")
    assert session_of(tmp_path).get("genome") == "hg38"
    with pytest.raises(MissingInputError):
        write_tracks(tmp_path / "bases.parquet", tmp_path / "absent.parquet", tmp_path / "else")
    assert (
        cli.main(
            [
                "write_tracks",
                "--bases",
                str(tmp_path / "bases.parquet"),
                "--sites",
                str(tmp_path / "sites.parquet"),
                "--out_dir",
                str(tmp_path / "else"),
                "--assembly",
                "hg 38",
            ]
        )
        == 64
    )
