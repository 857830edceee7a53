# cython: language_level=3
"""What the parts of the outline scanner share: kinds, definitions, line classes, the scanner's state, emitting.

Files of the scanner, each using those before it: outline_words (keywords), outline_base (this), outline_config (what
each language looks like), outline_strings (stepping over literals), outline_marks (what begins one), outline_lex
(tokens), outline_scopes (brackets and statements), outline_cheads, outline_cfamily, outline_script and outline_brace
(languages of braces), outline_lines and outline_block (languages of lines), outline_markup, outline_cells (notebooks),
and outline (the door).
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, int32_t, uint64_t
from libc.stddef cimport size_t
from libc.stdlib cimport realloc, free
from libc.string cimport memcmp, memset, strlen
from _core.base cimport first_bit
from _core.runs cimport PIECE, Runs, runs_begin, runs_free, runs_mark
from _core.outline_words cimport Keywords, KW_COUNT, keyword_of, keywords_init


cdef enum:
    KIND_NONE = 0
    KIND_FUNCTION
    KIND_METHOD
    KIND_CLASS
    KIND_STRUCT
    KIND_INTERFACE
    KIND_ENUM
    KIND_TRAIT
    KIND_TYPE       # alias, typedef, union
    KIND_MODULE     # module, namespace, package
    KIND_IMPL       # Rust impl, Swift extension, Haskell instance, Elixir defimpl
    KIND_CONSTANT
    KIND_VARIABLE
    KIND_MACRO
    KIND_SECTION    # heading, table, rule
    KIND_COUNT

cdef enum:
    DEF_EXPORTED = 1
    DEF_DECLARATION = 2  # a prototype, a method without a body

cdef enum:
    LINE_CODE = 0
    LINE_BLANK = 1
    LINE_COMMENT = 2
    LINE_ATTRIBUTE = 3
    LINE_INSIDE = 16  # the line begins inside a comment or a string of several lines
    LINE_HEAD = 32    # it speaks about the whole file
    LINE_CELL = 64    # a cell of a notebook begins here, and with it a chunk

cdef enum:  # what the line being read has shown so far (Scan.cur)
    SEEN_CODE = 1
    SEEN_COMMENT = 2
    SEEN_ATTRIBUTE = 4
    SEEN_INSIDE = 16
    SEEN_HEAD = 32

cdef enum:  # tokens; a punctuation mark is its own character code
    TK_END = 0
    TK_NEWLINE = 10
    TK_IDENT = 256
    TK_NUMBER
    TK_STRING
    TK_ARROW   # =>
    TK_THIN    # ->
    TK_SCOPE   # ::
    TK_OP      # any other operator of several characters that begins or ends with =, and the like

cdef enum:
    TOKENS = 512       # tokens kept of a statement and of those around it; what is over is read but not kept
    SCOPES = 256       # nesting kept; what is deeper is counted only
    NAME_LONGEST = 1024

cdef enum:  # what an open bracket is
    SC_FILE = 0
    SC_NAMESPACE
    SC_TYPE
    SC_FUNC     # a body: its variables are local
    SC_OBJECT   # an object literal of JavaScript
    SC_GROUP    # const ( … ) of Go
    SC_PAREN
    SC_OPAQUE   # an initialiser, a type literal, a macro body: nothing in it is a definition

cdef enum:  # how far a statement of keyword languages has got
    ST_START = 0  # nothing but modifiers
    ST_DECL       # the keyword was seen, its name not yet
    ST_NAMED
    ST_OTHER      # not a definition


cdef struct Definition:
    uint32_t line        # 0-based, holds the name
    uint32_t name        # byte offset in the text
    uint16_t name_len
    uint8_t kind
    uint8_t flags
    uint16_t indent      # columns of white space before the line's text, a tab counts 4
    uint16_t depth       # enclosing definitions
    int32_t parent       # index of the nearest of them, -1
    uint32_t first_line  # where the signature begins

cdef struct Outline:
    uint32_t n_lines
    uint32_t* line_start  # n_lines + 1
    uint8_t* line_class   # n_lines
    Definition* defs
    uint32_t n_defs
    uint32_t cap_lines
    uint32_t cap_defs
    bint failed           # no memory: the content is not complete
    Runs runs             # of the text
    Keywords keywords

cdef struct Token:
    uint32_t start
    uint32_t len
    uint32_t line
    uint16_t kind
    uint16_t kw
    uint32_t in_start  # of "(": the first identifier inside
    uint32_t in_len
    uint32_t in_line

cdef struct Scope:
    uint8_t opener
    uint8_t kind
    uint8_t continues   # the statement goes on after the closing bracket
    uint8_t hidden      # private: was said
    uint8_t state
    uint8_t exported
    uint16_t decl_kw
    int32_t owner       # the definition whose body this is, or the one around it
    int32_t stmt_def
    uint32_t base
    uint32_t indent

cdef struct Heredoc:
    uint32_t start
    uint32_t len
    bint indented

cdef struct Scan:
    const uint8_t* text
    uint32_t pos
    uint32_t end
    Outline* out
    int lang
    # the line
    uint32_t line
    uint8_t cur
    uint8_t before   # `cur` before the last token
    uint8_t mark     # what a token adds to `cur`
    bint any_code
    bint doc_ok      # a string here is a docstring
    # the language
    uint8_t[256] cls
    uint8_t[256] cont
    uint8_t[KW_COUNT] decl      # the kind a keyword declares, 0
    uint8_t[KW_COUNT] modifier
    bint lines_mode  # newlines are tokens
    bint slash_comment
    bint block_comment
    bint nested_comment
    bint hash_comment
    bint dash_comment
    bint regex
    bint preprocessor
    bint at_attribute
    uint8_t dq       # string modes, see outline_config
    uint8_t sq
    uint8_t bt
    uint8_t interp   # $ # \ : interpolation in strings, 0
    # the lexer
    Token tok
    bint first       # the token is the first of its line
    int prev         # the kind of the token before
    int prev_kw
    uint32_t no_regex_before
    Heredoc[4] heredoc
    int heredocs
    int heredoc_misses
    # the recogniser
    Token[512] toks
    uint32_t ntok
    uint32_t base
    uint32_t lost    # tokens of the statement that did not fit
    Scope[256] scopes
    int depth
    uint32_t overflow
    uint8_t state
    uint8_t exported
    uint16_t decl_kw
    int32_t stmt_def
    uint32_t knr_name, knr_len, knr_line, knr_first  # the function of `int f(a) int a; {`
    uint32_t guard_name, guard_len                   # of the first #ifndef
    int[64] cond     # depth of the brackets at #if
    int conds
    uint32_t indent_line, indent


cdef inline const char* kind_name(int kind) noexcept nogil:
    if kind == KIND_FUNCTION: return b"function"
    elif kind == KIND_METHOD: return b"method"
    elif kind == KIND_CLASS: return b"class"
    elif kind == KIND_STRUCT: return b"struct"
    elif kind == KIND_INTERFACE: return b"interface"
    elif kind == KIND_ENUM: return b"enum"
    elif kind == KIND_TRAIT: return b"trait"
    elif kind == KIND_TYPE: return b"type"
    elif kind == KIND_MODULE: return b"module"
    elif kind == KIND_IMPL: return b"impl"
    elif kind == KIND_CONSTANT: return b"constant"
    elif kind == KIND_VARIABLE: return b"variable"
    elif kind == KIND_MACRO: return b"macro"
    elif kind == KIND_SECTION: return b"section"
    return b"none"


cdef inline const char* _kind_aliases(int kind) noexcept nogil:
    if kind == KIND_FUNCTION: return b" function func fn fun def sub proc procedure "
    elif kind == KIND_METHOD: return b" method meth "
    elif kind == KIND_CLASS: return b" class cls object "
    elif kind == KIND_STRUCT: return b" struct record structure "
    elif kind == KIND_INTERFACE: return b" interface iface protocol "
    elif kind == KIND_ENUM: return b" enum enumeration "
    elif kind == KIND_TRAIT: return b" trait mixin "
    elif kind == KIND_TYPE: return b" type typedef alias union newtype "
    elif kind == KIND_MODULE: return b" module mod namespace ns package "
    elif kind == KIND_IMPL: return b" impl extension instance "
    elif kind == KIND_CONSTANT: return b" constant const "
    elif kind == KIND_VARIABLE: return b" variable var let val global "
    elif kind == KIND_MACRO: return b" macro define "
    elif kind == KIND_SECTION: return b" section heading title "
    return b""


cdef inline int kind_by_name(const uint8_t* name, size_t n) noexcept nogil:
    """The kind somebody names (letter case does not matter), -1 when there is none."""
    cdef int kind
    cdef size_t i, j
    cdef uint8_t c
    cdef const char* words
    if n == 0 or n > 16:
        return -1
    for kind in range(1, KIND_COUNT):
        words = _kind_aliases(kind)
        for i in range(strlen(words)):
            if words[i] != 32:
                continue
            j = 0
            while j < n and words[i + 1 + j] != 0:
                c = name[j]
                if 65 <= c <= 90:
                    c += 32
                if c != <uint8_t>words[i + 1 + j] or c == 32:
                    break
                j += 1
            if j == n and words[i + 1 + j] == 32:
                return kind
    return -1


cdef inline bint is_type_kind(int kind) noexcept nogil:
    """Whether functions inside are methods."""
    return (kind == KIND_CLASS or kind == KIND_STRUCT or kind == KIND_INTERFACE or kind == KIND_ENUM
            or kind == KIND_TRAIT or kind == KIND_IMPL or kind == KIND_TYPE)


cdef inline void outline_init(Outline* out) noexcept nogil:
    memset(out, 0, sizeof(Outline))
    keywords_init(&out.keywords)


cdef inline void outline_free(Outline* out) noexcept nogil:
    free(out.line_start)
    free(out.line_class)
    free(out.defs)
    runs_free(&out.runs)
    out.line_start = NULL
    out.line_class = NULL
    out.defs = NULL
    out.n_lines = 0
    out.n_defs = 0
    out.cap_lines = 0
    out.cap_defs = 0


cdef inline bint _room_for_lines(Outline* out, uint32_t lines) noexcept nogil:
    """Room for that many lines and the entry after the last."""
    cdef uint32_t cap
    cdef void* p
    if lines < out.cap_lines:
        return True
    cap = lines + lines // 2 + 256
    if cap < lines:
        cap = lines + 1
    p = realloc(out.line_start, <size_t>cap * sizeof(uint32_t))
    if p == NULL:
        out.failed = True
        return False
    out.line_start = <uint32_t*>p
    p = realloc(out.line_class, cap)
    if p == NULL:
        out.failed = True
        return False
    out.line_class = <uint8_t*>p
    out.cap_lines = cap
    return True


cdef inline bint outline_lines(Outline* out, const uint8_t* text, size_t n) noexcept nogil:
    """Fill `line_start` and mark the words; False when there is no memory."""
    cdef size_t at = 0
    cdef uint64_t newlines
    cdef uint32_t lines = 0
    out.n_lines = 0
    if not _room_for_lines(out, 1):
        return False
    if not runs_begin(&out.runs, text, n):
        out.failed = True
        return False
    out.line_start[0] = 0
    while at < n:
        newlines = runs_mark(&out.runs, at, n)
        if not _room_for_lines(out, lines + PIECE):
            return False
        while newlines:
            lines += 1
            out.line_start[lines] = <uint32_t>at + first_bit(newlines) + 1
            newlines &= newlines - 1
        at += PIECE
    if out.line_start[lines] < n:
        # A last line without a newline. There is room: its piece asked for PIECE lines more and was not all newlines.
        lines += 1
        out.line_start[lines] = <uint32_t>n
    out.n_lines = lines
    return True


cdef inline void end_line(Scan* s, uint8_t begin) noexcept nogil:
    """The line is over: keep its class; the next one begins with `begin` seen."""
    cdef uint8_t c = s.cur
    cdef uint8_t cls
    if c & SEEN_CODE:
        cls = LINE_CODE
        s.any_code = True
    elif c & SEEN_ATTRIBUTE:
        cls = LINE_ATTRIBUTE
    elif c & SEEN_COMMENT:
        cls = LINE_COMMENT | (c & SEEN_HEAD)
    else:
        cls = LINE_BLANK
    if s.line < s.out.n_lines:
        s.out.line_class[s.line] = cls | (c & SEEN_INSIDE)
    s.line += 1
    s.cur = begin


cdef inline uint32_t line_indent(Scan* s, uint32_t line) noexcept nogil:
    """Columns of white space at the start of the line."""
    cdef uint32_t p, columns = 0
    if s.indent_line == line:
        return s.indent
    p = s.out.line_start[line]
    while p < s.end:
        if s.text[p] == 32:
            columns += 1
        elif s.text[p] == 9:
            columns += 4
        else:
            break
        p += 1
    s.indent_line = line
    s.indent = columns if columns < 65535 else 65535
    return s.indent


cdef inline int32_t emit(
    Scan* s, uint32_t name, uint32_t name_len, uint32_t line, uint32_t first_line, int kind, int flags, int32_t parent,
) noexcept nogil:
    """Add a definition; its index, -1 when the name is empty, too long, or not behind the last one's (definitions stay
    in the order of their names)."""
    cdef Outline* out = s.out
    cdef Definition* d
    cdef uint32_t cap
    cdef void* p
    if name_len == 0 or name_len > NAME_LONGEST or line >= out.n_lines or name < out.line_start[line]:
        return -1
    if name + name_len > out.line_start[line + 1]:
        return -1
    if out.n_defs > 0 and out.defs[out.n_defs - 1].name >= name:
        return -1
    if out.n_defs >= out.cap_defs:
        cap = out.cap_defs + out.cap_defs // 2 + 64
        p = realloc(out.defs, <size_t>cap * sizeof(Definition))
        if p == NULL:
            out.failed = True
            return -1
        out.defs = <Definition*>p
        out.cap_defs = cap
    d = &out.defs[out.n_defs]
    if kind == KIND_FUNCTION and parent >= 0 and is_type_kind(out.defs[parent].kind):
        kind = KIND_METHOD
    d.line = line
    d.name = name
    d.name_len = <uint16_t>name_len
    d.kind = <uint8_t>kind
    d.flags = <uint8_t>flags
    d.indent = <uint16_t>line_indent(s, line)
    d.parent = parent
    d.depth = 0
    if parent >= 0:
        d.depth = out.defs[parent].depth + 1 if out.defs[parent].depth < 65535 else 65535
    d.first_line = first_line if first_line <= line else line
    out.n_defs += 1
    return <int32_t>(out.n_defs - 1)


cdef inline bint same_word(const uint8_t* p, size_t n, const char* word) noexcept nogil:
    return strlen(word) == n and memcmp(p, word, n) == 0


cdef inline bint token_is(Scan* s, const Token* t, const char* word) noexcept nogil:
    return same_word(s.text + t.start, t.len, word)
