# cython: language_level=3
"""What a score is the sum of, and what each addend weighs: all of it in one place.

The weights are fields of one struct of doubles, which the Python door sets by name (`engine.weights()`); PERFORMANCE.md
tells what each gives.
"""
from _core.impacts cimport BM25_B, BM25_K1

cdef struct Weights:
    double k1
    double b
    double word_decay       # of the weight of later words in chunks
    double path_decay       # ... in names
    double task_word        # share of its weight that a task word keeps
    double chunks           # N(s1 + s2/2 + s3/4 + s4/8) of the file's best chunks
    double top_sum          # N(sum of its chunks among the best TOP_SUM)
    double name_cover       # precision * sqrt(weight of the question's words that the file's name has)
    double name_rarity      # 1: a word of a name counts less the more names match it; 0: it does not matter
    double name_precision   # share of the name's words that a short question has
    double folders          # weight of the question's words that only its folders have
    double synonyms         # weight of the question's words of which a synonym is in the file's name
    double coverage         # weight of the question's words that the file has at all, in large projects
    double links            # N(votes of the best chunks for the files that define what they use)
    double symbol           # a one-word question that the file defines
    double symbol_type      # ... as a type, on top
    double symbol_file      # ... and is named after
    double abbreviated      # what defines a name with these initials or with this part, when nothing is called so
    double place            # the file that the question gives as a place
    double named            # a multi-word question's identifier that the file defines (half for values)
    double depth            # per level below the shallowest file, three at most
    double test
    double example
    double compat
    double generated
    double vendored
    double header           # when its source is a candidate as well
    double old_version      # `v1` where `v2` is a candidate as well
    double undefined        # share of its BM25 with which a chunk that defines nothing stands for its file
    double kind             # ... with which one that defines what an answer expects does
    double name_again       # share that words of the file's name keep there
    double further          # of a further chunk of a file: this when it is as good as the best, else up to twice this
    double expansion        # share of the words' weight that expansions may have together, where chunks are found
    double expanded         # N(s1 + s2/2 + s3/4 + s4/8) of the file's best chunks by expansions alone
    double gap              # how much more, when a model answered, for the share of the question that nothing has
    double reach            # share of the best chunk's score that others need to bring their files, in large projects
    double plain            # not 0: the best chunks by BM25 and nothing else, what all the rest is held against
    double exhaustive       # not 0: no pruning, for tests and for measuring what it saves

cdef enum:
    # What a file's score is the sum of, in the order of adding; the weights have the same names. What only fills the
    # list up has its BM25 alone.
    SIGNAL_NAME_COVER = 0
    SIGNAL_NAME_PRECISION
    SIGNAL_FOLDERS
    SIGNAL_SYNONYMS
    SIGNAL_CHUNKS
    SIGNAL_TOP_SUM
    SIGNAL_COVERAGE
    SIGNAL_LINKS
    SIGNAL_SYMBOL
    SIGNAL_SYMBOL_TYPE
    SIGNAL_ABBREVIATED
    SIGNAL_PLACE
    SIGNAL_NAMED
    SIGNAL_SYMBOL_FILE
    SIGNAL_DEPTH
    SIGNAL_TEST
    SIGNAL_EXAMPLE
    SIGNAL_COMPAT
    SIGNAL_GENERATED
    SIGNAL_VENDORED
    SIGNAL_HEADER
    SIGNAL_OLD_VERSION
    SIGNAL_EXPANDED
    SIGNAL_FURTHER
    SIGNAL_BM25
    SIGNAL_END


cdef inline void default_weights(Weights* w) noexcept nogil:
    w.k1 = BM25_K1 / 100.0
    w.b = BM25_B / 100.0
    w.word_decay = 0.2
    w.path_decay = 0.5
    w.task_word = 0.3
    w.chunks = 1
    w.top_sum = 0.25
    w.name_cover = 1.5
    w.name_rarity = 1
    w.name_precision = 0.2
    w.folders = 1.5
    w.synonyms = 0.5
    w.coverage = 0.75
    w.links = 0.25
    w.symbol = 3
    w.symbol_type = 1
    w.symbol_file = 1.5
    w.abbreviated = 2
    w.place = 5
    w.named = 0.2
    w.depth = -0.1
    w.test = -1
    w.example = -1
    w.compat = -0.5
    w.generated = -0.5
    w.vendored = -0.5
    w.header = -0.25
    w.old_version = -1
    w.undefined = 0.6
    w.kind = 1.25
    w.name_again = 0.4
    w.further = -1.4
    w.expansion = 1
    w.expanded = 0.4
    w.gap = 1
    w.reach = 0.7
    w.plain = 0
    w.exhaustive = 0


cdef inline const char* signal_name(int signal) noexcept nogil:
    if signal == SIGNAL_NAME_COVER:
        return b"name_cover"
    if signal == SIGNAL_NAME_PRECISION:
        return b"name_precision"
    if signal == SIGNAL_FOLDERS:
        return b"folders"
    if signal == SIGNAL_SYNONYMS:
        return b"synonyms"
    if signal == SIGNAL_CHUNKS:
        return b"chunks"
    if signal == SIGNAL_TOP_SUM:
        return b"top_sum"
    if signal == SIGNAL_COVERAGE:
        return b"coverage"
    if signal == SIGNAL_LINKS:
        return b"links"
    if signal == SIGNAL_SYMBOL:
        return b"symbol"
    if signal == SIGNAL_SYMBOL_TYPE:
        return b"symbol_type"
    if signal == SIGNAL_ABBREVIATED:
        return b"abbreviated"
    if signal == SIGNAL_PLACE:
        return b"place"
    if signal == SIGNAL_NAMED:
        return b"named"
    if signal == SIGNAL_SYMBOL_FILE:
        return b"symbol_file"
    if signal == SIGNAL_DEPTH:
        return b"depth"
    if signal == SIGNAL_TEST:
        return b"test"
    if signal == SIGNAL_EXAMPLE:
        return b"example"
    if signal == SIGNAL_COMPAT:
        return b"compat"
    if signal == SIGNAL_GENERATED:
        return b"generated"
    if signal == SIGNAL_VENDORED:
        return b"vendored"
    if signal == SIGNAL_HEADER:
        return b"header"
    if signal == SIGNAL_OLD_VERSION:
        return b"old_version"
    if signal == SIGNAL_EXPANDED:
        return b"expanded"
    if signal == SIGNAL_FURTHER:
        return b"further"
    return b"bm25"
