"""Streams are whole or an error; the BGZF writer's bytes are fixed and read by htslib."""

import gzip
import zlib

import pysam
import pytest
from vcf_texts import stored

from gfmtrust.core.errors import BadDataError, InputOutputError, MissingInputError
from gfmtrust.io import bgzf, text_lines

TEXT = b"".join(
    b"line %d of a text that is long enough to fill some blocks\n" % i for i in range(6000)
)


def read(path, **options):
    return b"".join(bgzf.read_chunks(path, **options))


@pytest.mark.parametrize("how", ["plain", "gzip", "bgzf"])
def test_text_comes_back_whole_whatever_the_packing_and_the_name(tmp_path, how):
    path = stored(tmp_path / "a.txt", TEXT, how)
    assert bgzf.container(path) == how
    assert read(path) == TEXT
    assert list(text_lines.read_lines(path, 1000)) == TEXT.splitlines(keepends=True)


@pytest.mark.parametrize("text", [b"", b"\n", b"a", b"a\n", b"\n\na\r\n\nb", b"x" * 70000 + b"\ny"])
@pytest.mark.parametrize("how", ["plain", "gzip", "bgzf"])
def test_lines_keep_their_endings(tmp_path, text, how):
    path = stored(tmp_path / "a.txt", text, how)
    lines = list(text_lines.read_lines(path, 1 << 20))
    assert b"".join(lines) == text
    assert all(line.count(b"\n") == line.endswith(b"\n") for line in lines)


def test_members_of_a_gzip_file_are_joined_and_zero_padding_is_passed_over(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(
        gzip.compress(b"one\n", mtime=0)
        + gzip.compress(b"", mtime=0)
        + gzip.compress(TEXT, mtime=0)
        + b"\0" * 700
    )
    assert read(path) == b"one\n" + TEXT


def test_concatenated_bgzf_files_are_one_text(tmp_path):
    path = stored(tmp_path / "a.gz", TEXT, "bgzf")
    path.write_bytes(path.read_bytes() * 2)
    assert read(path) == TEXT * 2


def test_gzip_output_that_fills_the_buffer_exactly_is_not_lost(tmp_path):
    text = b"\0" * (3 << 20)
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(text, mtime=0))
    assert read(path, max_ratio=None) == text


@pytest.mark.parametrize("sizes", [[], [0], [1], [65280], [65281], [10, 65280, 5], [200_000]])
def test_writer_gives_whole_bgzf_that_htslib_reads_and_the_same_bytes_however_cut(tmp_path, sizes):
    text = TEXT[: sum(sizes)]
    paths = [tmp_path / "whole.gz", tmp_path / "pieces.gz"]
    for path, pieces in (
        (paths[0], [text]),
        (paths[1], [text[i : i + 7] for i in range(0, len(text), 7)]),
    ):
        with open(path, "wb") as file:
            writer = bgzf.BgzfWriter(file)
            for piece in pieces:
                writer.write(piece)
            writer.close()
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].read_bytes().endswith(bgzf.EOF_BLOCK)
    with pysam.BGZFile(str(paths[0]), "rb") as file:
        assert file.read() == text
    assert read(paths[0]) == text


def test_block_of_noise_stays_below_the_limit_of_a_block(tmp_path):
    noise = b"".join(zlib.crc32(i.to_bytes(4, "big")).to_bytes(4, "big") for i in range(40_000))
    path = tmp_path / "noise.gz"
    with open(path, "wb") as file:
        writer = bgzf.BgzfWriter(file, level=1)
        writer.write(noise)
        writer.close()
    assert read(path) == noise


def test_block_starts_agree_with_htslib(tmp_path):
    path = stored(tmp_path / "a.fa.gz", b">a\n" + b"ACGTTGCAAC\n" * 20_000, "bgzf")
    pysam.faidx(str(path))
    raw = (tmp_path / "a.fa.gz.gzi").read_bytes()
    named = [
        (int.from_bytes(raw[i : i + 8], "little"), int.from_bytes(raw[i + 8 : i + 16], "little"))
        for i in range(8, len(raw), 16)
    ]
    assert named
    assert set(named) <= set(bgzf.block_starts(path))


def block_edges(raw: bytes) -> list[int]:
    edges, start = [], 0
    while start < len(raw):
        start += int.from_bytes(raw[start + 16 : start + 18], "little") + 1
        edges.append(start)
    return edges


@pytest.mark.bad_input
def test_every_cut_of_a_bgzf_file_is_found(tmp_path):
    whole = stored(tmp_path / "whole.gz", TEXT, "bgzf").read_bytes()
    edges = block_edges(whole)
    path = tmp_path / "cut.gz"
    for cut in sorted(
        {
            *range(19, len(whole), 997),
            *edges[:-1],
            *(edge - 1 for edge in edges),
            *(edge + 1 for edge in edges[:-1]),
        }
    ):
        path.write_bytes(whole[:cut])
        with pytest.raises(InputOutputError) as caught:
            read(path)
        at_edge = cut in edges
        assert (
            "no end-of-file block" if at_edge else f"ends inside a block at byte {cut:,}"
        ) in str(caught.value), cut
        assert "copy it again" in str(caught.value)


@pytest.mark.bad_input
def test_every_cut_of_a_gzip_file_is_found(tmp_path):
    whole = stored(tmp_path / "whole.gz", TEXT, "gzip").read_bytes()
    path = tmp_path / "cut.gz"
    for cut in [*range(3, 40), *range(40, len(whole), 1009), *range(len(whole) - 9, len(whole))]:
        path.write_bytes(whole[:cut])
        with pytest.raises(InputOutputError, match="ends inside a block at byte"):
            read(path)


@pytest.mark.bad_input
@pytest.mark.parametrize("how", ["gzip", "bgzf"])
def test_a_flipped_byte_is_an_error_or_changes_nothing(tmp_path, how):
    whole = stored(tmp_path / "whole.gz", TEXT, how).read_bytes()
    path = tmp_path / "flipped.gz"
    errors = []
    for at in range(3, len(whole), 211):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        try:
            assert read(path, max_ratio=None) == TEXT
        except InputOutputError as error:
            errors.append(str(error))
    assert all("byte" in error or "end-of-file" in error for error in errors)
    assert len(errors) > len(range(3, len(whole), 211)) * 0.9


@pytest.mark.bad_input
@pytest.mark.parametrize("stated", [0, 1, 11, 17, 24])
def test_a_block_that_states_less_than_its_own_header_is_damaged(tmp_path, stated):
    """Found by guided fuzzing: the rest of the block had a negative length."""
    path = stored(tmp_path / "a.gz", b"one\n", "bgzf")
    content = bytearray(path.read_bytes())
    content[16:18] = stated.to_bytes(2, "little")
    path.write_bytes(content)
    with pytest.raises(InputOutputError, match=r"a\.gz: no block header at byte 0"):
        read(path)
    assert list(bgzf.block_starts(path)) == []


@pytest.mark.bad_input
def test_wrong_checksum_names_the_block(tmp_path):
    raw = bytearray(stored(tmp_path / "a.gz", TEXT, "bgzf").read_bytes())
    second = block_edges(bytes(raw))[0]
    raw[block_edges(bytes(raw))[1] - 6] ^= 1  # the CRC32 of the second block
    (tmp_path / "a.gz").write_bytes(raw)
    with pytest.raises(
        InputOutputError, match=f"a.gz: checksum wrong in block at byte {second:,};"
    ):
        read(tmp_path / "a.gz")


@pytest.mark.bad_input
@pytest.mark.parametrize("length", [0, 1, 65_279, 65_281, 65_536, 65_537, 2**32 - 1])
def test_wrong_length_names_the_block(tmp_path, length):
    """A stated length is not trusted: neither a shorter text nor a larger buffer comes of it."""
    raw = bytearray(stored(tmp_path / "a.gz", TEXT, "bgzf").read_bytes())
    raw[block_edges(bytes(raw))[0] - 4 : block_edges(bytes(raw))[0]] = length.to_bytes(4, "little")
    (tmp_path / "a.gz").write_bytes(raw)
    with pytest.raises(InputOutputError, match="a.gz: checksum wrong in block at byte 0;"):
        read(tmp_path / "a.gz")


@pytest.mark.bad_input
def test_bytes_after_a_gzip_stream_are_an_error(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"a\n", mtime=0) + b"rubbish")
    with pytest.raises(InputOutputError, match="no gzip stream at byte"):
        read(path)


@pytest.mark.long
@pytest.mark.bad_input
def test_a_bomb_is_refused_before_it_unfolds(tmp_path):
    path = tmp_path / "bomb.gz"
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = b"\0" * (8 << 20)
    path.write_bytes(b"".join([packer.compress(zeros) for _ in range(24)] + [packer.flush()]))
    sizes = []
    with pytest.raises(BadDataError, match="more than 1,000-fold"):
        sizes.extend(len(chunk) for chunk in bgzf.read_chunks(path))
    assert max(sizes) <= 1 << 20
    assert sum(sizes) <= 65 << 20


@pytest.mark.bad_input
def test_a_long_line_is_refused_by_its_number_before_it_is_held(tmp_path):
    path = stored(tmp_path / "a.txt", b"short\n" + b"A" * 5000 + b"\nshort\n")
    with pytest.raises(BadDataError, match=r"a.txt: line 2: longer than .* shorter lines"):
        list(text_lines.read_lines(path, 4999))
    assert len(list(text_lines.read_lines(path, 5000))) == 3


@pytest.mark.bad_input
@pytest.mark.parametrize("name", ["absent.gz", "."])
def test_missing_file_and_folder_are_missing_input(tmp_path, name):
    with pytest.raises(MissingInputError):
        read(tmp_path / name)


@pytest.mark.bad_input
def test_full_disk_reaches_the_caller_as_an_os_error():
    with open("/dev/full", "wb", buffering=0) as file:
        writer = bgzf.BgzfWriter(file)
        with pytest.raises(OSError, match="No space left"):
            writer.write(b"x" * 70_000)
