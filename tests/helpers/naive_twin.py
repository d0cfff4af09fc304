"""The slow obvious scorer: alleles as strings, one window a pass through the whole torch network,
nothing shared and nothing kept."""

import numpy as np

RADIUS, STRIDE = 32, 8


def turned(text: str) -> str:
    return text[::-1].translate(str.maketrans("ACGT", "TGCA"))


def normalised(genome: str, pos: int, ref: str, alt: str) -> tuple[int, str, str]:
    """Trimmed, then moved left base by base."""
    while ref and alt and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    while ref and alt and ref[0] == alt[0]:
        pos, ref, alt = pos + 1, ref[1:], alt[1:]
    while pos and not (ref and alt) and genome[pos - 1] == (ref or alt)[-1]:
        pos -= 1
        ref, alt = (ref and genome[pos] + ref[:-1]), (alt and genome[pos] + alt[:-1])
    return pos, ref, alt


class NaiveTwin:
    """A checkpoint as `models.checkpoint.load` gives it, with the window and the k-mer method of
    its bundle. Counts its passes."""

    def __init__(self, loaded, bundle):
        self._loaded, self._bundle, self.passes = loaded, bundle, 0
        self._k, self._text = bundle.k, loaded.text
        self._method = bundle.kmer_method
        self._words = [
            word
            for word in self._text.vocabulary
            if len(word) == self._k and set(word) <= set("ACGT")
        ]
        self._ids = [self._text.vocabulary[word] for word in self._words]
        self._letters = np.array([list(word) for word in self._words])

    def llr(self, genome: str, pos: int, ref: str, alt: str) -> float:
        """Mean over both strands, nats; pos, ref and alt as the VCF spells them (0-based)."""
        pos, ref, alt = normalised(genome, pos, ref, alt)
        start = len(genome) - pos - len(ref)
        forward = self._strand_llr(genome, pos, ref, alt, self._bundle.site_forward)
        return (
            forward
            + self._strand_llr(
                turned(genome), start, turned(ref), turned(alt), self._bundle.site_reverse
            )
        ) / 2

    def _strand_llr(self, text: str, pos: int, ref: str, alt: str, site: int) -> float:
        if len(ref) == len(alt):
            differ = [i for i in range(len(ref)) if ref[i] != alt[i]]
            laws = [
                (self._law(text, pos + i, site), "ACGT".index(alt[i]), "ACGT".index(ref[i]))
                for i in differ
            ]
            return sum(np.log(law[other]) - np.log(law[base]) for law, other, base in laws)
        changed = text[:pos] + alt + text[pos + len(ref) :]
        shorter, radius = min(len(text), len(changed)), min(RADIUS, self._bundle.window_bp // 8)
        first = next((at for at in range(pos, shorter) if text[at] != changed[at]), shorter)
        if not (ref and alt) and first - pos > radius:  # in a long tract: where the texts differ
            pos = first
        n = max(len(ref), len(alt))
        return self._likelihood(changed, pos, n, site) - self._likelihood(text, pos, n, site)

    def _law(self, text: str, at: int, site: int) -> np.ndarray:
        """Law of the base at one letter, nothing but its own token masked, or each base tried;
        float64 (4,)."""
        window = text[at - site : at - site + self._bundle.window_bp]
        if self._bundle.causal:
            tried = np.exp(
                [
                    self._of_tokens(window[:site] + base + window[site + 1 :], site)
                    for base in "ACGT"
                ]
            )
            return tried / tried.sum()
        logits = self._logits(window, [site // self._k])
        return self._of_token(logits, window, site)

    def _likelihood(self, text: str, pos: int, n: int, site: int) -> float:
        width = self._bundle.window_bp
        radius = min(RADIUS, width // 8)
        if self._bundle.causal:
            site = min(site, width - self._k * -(-(n + radius) // self._k))
            return self._of_tokens(text[pos - site : pos - site + width], site)
        window = text[pos - site : pos - site + width]
        letters = range(site - radius, site + n + radius)
        total = 0.0
        for turn in range(STRIDE):
            items = [
                at for at in letters if (at // self._k - letters[0] // self._k) % STRIDE == turn
            ]
            if items:
                logits = self._logits(window, sorted({at // self._k for at in items}))
                total += sum(
                    np.log(self._of_token(logits, window, at)["ACGT".index(window[at])])
                    for at in items
                )
        return total

    def _of_tokens(self, window: str, site: int) -> float:
        """ln p of the tokens from the site on, each given all before it, among the words of A, C,
        G, T."""
        logits = self._logits(window, [])
        total = 0.0
        for token in range(site // self._k, len(window) // self._k):
            row = logits[token][self._ids]
            word = self._words.index(window[token * self._k :][: self._k])
            total += row[word] - row.max() - np.log(np.exp(row - row.max()).sum())
        return total

    def _logits(self, window: str, masked: list[int]) -> np.ndarray:
        """Logits of every token of one window, the masked ones hidden, prefix left out; float64
        (tokens, vocabulary).

        A causal model's row i is the law of token i, told by the tokens before it.
        """
        import torch

        k, vocabulary = self._k, self._text.vocabulary
        words = [window[at : at + k] for at in range(0, len(window) // k * k, k)]
        ids = [vocabulary[word.lower() if self._text.lower_case else word] for word in words]
        for token in masked:
            ids[token] = vocabulary[self._text.mask]
        prefix, suffix = (
            [vocabulary[one] for one in part] for part in (self._text.prefix, self._text.suffix)
        )
        with torch.no_grad():
            module = self._loaded.network(torch.tensor([[*prefix, *ids, *suffix]]))
        self.passes += 1
        logits = (module if isinstance(module, torch.Tensor) else module.logits)[0].double().numpy()
        return logits[len(prefix) - (0 if self._text.mask else 1) :]

    def _of_token(self, logits: np.ndarray, window: str, at: int) -> np.ndarray:
        row, vocabulary = logits[at // self._k], self._text.vocabulary
        if self._k > 1:
            selected = (
                window[at // self._k * self._k :][: self._k]
                if self._method == "conditional"
                else "N" * self._k
            )
            fits = np.ones(len(self._words), bool)
            for letter in range(self._k):
                if selected[letter] != "N" and letter != at % self._k:
                    fits &= self._letters[:, letter] == selected[letter]
            weight = np.exp(row[self._ids] - row[self._ids].max()) * fits
            law = np.array(
                [weight[self._letters[:, at % self._k] == base].sum() for base in "ACGT"]
            )
            return law / law.sum()
        four = row[[vocabulary[base.lower() if self._text.lower_case else base] for base in "ACGT"]]
        return np.exp(four - four.max()) / np.exp(four - four.max()).sum()
