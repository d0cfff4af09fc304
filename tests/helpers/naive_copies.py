"""The copies of a site by comparing its flanks with every place of the genome; slow and obvious."""

import numpy as np

COMPLEMENT = str.maketrans("ACGT", "TGCA")
CODES = {"A": 0, "C": 1, "G": 2, "T": 3}


def reverse_complement(text: str) -> str:
    return text.translate(COMPLEMENT)[::-1]


def flanks(text: str, start: int, span: int) -> str | None:
    """The 20 + 20 letters around a gap; None beyond the contig or with a letter other than ACGT."""
    end = start + span
    if start < 20 or end + 20 > len(text):
        return None
    letters = text[start - 20 : start] + text[end : end + 20]
    return letters if set(letters) <= set("ACGT") else None


class Exhaustive:
    """contigs: upper-case letters of each contig."""

    def __init__(self, contigs: list[str]):
        self.contigs = contigs
        self._windows: dict[tuple[int, int], np.ndarray] = {}

    def windows(self, contig: int, span: int) -> np.ndarray:
        """The flanks around each position from 20 on, as bytes, uint8 (n, 40)."""
        if (contig, span) not in self._windows:
            letters = np.frombuffer(self.contigs[contig].encode(), dtype=np.uint8)
            width = 40 + span
            if len(letters) < width:
                rows = np.empty((0, 40), dtype=np.uint8)
            else:
                rows = np.lib.stride_tricks.sliding_window_view(letters, width)
                rows = np.concatenate([rows[:, :20], rows[:, 20 + span :]], axis=1)
            self._windows[contig, span] = rows
        return self._windows[contig, span]

    def near_copies(self, contig: int, start: int, span: int):
        """(mismatches, contig, position, letter on the site's strand) of each near copy in the
        order of the genome, None where the site's flanks are incomplete."""
        asked = flanks(self.contigs[contig], start, span)
        if asked is None:
            return None
        forward = np.frombuffer(asked.encode(), dtype=np.uint8)
        reverse = np.frombuffer(reverse_complement(asked).encode(), dtype=np.uint8)
        copies = []
        for number, text in enumerate(self.contigs):
            windows = self.windows(number, span)
            all_bases = np.isin(windows, np.frombuffer(b"ACGT", dtype=np.uint8)).all(axis=1)
            same, other = ((windows != one).sum(axis=1) for one in (forward, reverse))
            fewest = np.minimum(same, other)
            for row in np.flatnonzero((fewest <= 2) & all_bases):
                place = int(row) + 20
                if number == contig and abs(place - start) < 60:
                    continue
                letter = text[place] if span == 1 else "N"
                if other[row] < same[row]:
                    letter = letter.translate(COMPLEMENT)
                copies.append((int(fewest[row]), number, place, letter))
        return copies

    def row(self, contig: int, start: int, span: int) -> tuple[int, int, int]:
        """(copies, copy_bases, diverged_base) of a site with fewer than 100 copies."""
        copies = self.near_copies(contig, start, span)
        if copies is None:
            return -1, 0, -1
        at_base = [copy for copy in copies if copy[3] in CODES]
        mask = sum({1 << CODES[copy[3]] for copy in at_base})
        letter = self.contigs[contig][start : start + span]
        others = [copy for copy in at_base if letter in CODES and copy[3] != letter]
        return min(100, len(copies)), mask, CODES[min(others)[3]] if others else -1

    def has_family(self, contig: int, start: int, span: int) -> bool:
        """Whether any place at least 60 bp away, on either strand, has 71 of the 101 letters."""
        asked = _core(self.contigs[contig], start)
        for number, text in enumerate(self.contigs):
            for place in range(len(text) + 1):
                if number == contig and abs(place - start) < 60:
                    continue
                turned = _core(reverse_complement(text), len(text) - (place + span))
                for letters in (_core(text, place), _turned_core(text, place, span, turned)):
                    pairs = zip(asked, letters, strict=True)
                    if sum(a == b and a in CODES for a, b in pairs) >= 71:
                        return True
        return False


def _core(text: str, start: int) -> str:
    return "".join(text[at] if 0 <= at < len(text) else "-" for at in range(start - 50, start + 51))


def _turned_core(text: str, place: int, span: int, turned: str) -> str:
    return turned if 0 <= place + span <= len(text) else "-" * 101
