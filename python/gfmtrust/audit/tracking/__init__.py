"""`gfmtrust audit tracking`: which architectures can follow a state, with known truth: words of parity, A5 and
S5, trained at 16 letters and asked at up to 64. An LSTM must pass, and diagonal recurrences must fail
A5 and S5; so the test tests itself.
"""
