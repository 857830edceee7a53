"""How far the outline scanner agrees with tree-sitter about where definitions are, on real source.

`grammars` says what counts as a definition in each language, `corpora` where the source comes from, `measure` compares.
`cd tests && python -m agreement --help` measures by hand and writes `agreement.json`; `test_agreement.py` holds to it.
"""
