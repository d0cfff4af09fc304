"""`gfmtrust audit tracking`: which architectures can follow a state, or copy a word, with known truth: words
of parity, A5 and S5, trained at 16 letters and asked at up to 64, and words to copy, asked at 32. An
LSTM must pass the groups, diagonal recurrences must fail A5 and S5, and attention must copy; so the
test tests itself.
"""
