# cython: language_level=3
"""The brackets that are open, the statement being read, attributes: what all languages of braces share."""
from libc.stdint cimport uint8_t, uint32_t, int32_t
from _core.languages cimport LANG_JAVA
from _core.outline_words cimport *
from _core.outline_base cimport *
from _core.outline_lex cimport next_token


cdef inline void reset_statement(Scan* s) noexcept nogil:
    s.ntok = s.base
    s.lost = 0
    s.state = ST_START
    s.exported = 0
    s.decl_kw = 0
    s.stmt_def = -1


cdef inline void scopes_init(Scan* s) noexcept nogil:
    s.depth = 0
    s.overflow = 0
    s.base = 0
    s.conds = 0
    s.knr_len = 0
    s.guard_len = 0
    s.scopes[0].opener = 0
    s.scopes[0].kind = SC_FILE
    s.scopes[0].owner = -1
    s.scopes[0].hidden = 0
    s.scopes[0].indent = 0
    reset_statement(s)


cdef inline void keep_token(Scan* s) noexcept nogil:
    """Put the token into the statement."""
    if s.ntok < TOKENS:
        s.toks[s.ntok] = s.tok
        s.toks[s.ntok].in_len = 0
        s.ntok += 1
    else:
        s.lost += 1


cdef inline Scope* top_scope(Scan* s) noexcept nogil:
    return &s.scopes[s.depth]


cdef inline void open_scope(Scan* s, uint8_t opener, int kind, int32_t owner, bint continues) noexcept nogil:
    """A bracket opens; its token was kept already when the statement continues behind the closing one."""
    cdef Scope* sc
    if s.depth >= SCOPES - 1:
        s.overflow += 1
        return
    if not continues:
        s.ntok = s.base
    s.depth += 1
    sc = &s.scopes[s.depth]
    sc.opener = opener
    sc.kind = <uint8_t>kind
    sc.continues = continues
    sc.hidden = 0
    sc.state = s.state
    sc.exported = s.exported
    sc.decl_kw = s.decl_kw
    sc.owner = owner
    sc.stmt_def = s.stmt_def
    sc.base = s.base
    sc.indent = line_indent(s, s.tok.line) if opener == 123 and s.preprocessor else 0
    s.base = s.ntok
    reset_statement(s)


cdef inline void _pop(Scan* s) noexcept nogil:
    cdef Scope* sc = &s.scopes[s.depth]
    s.ntok = s.base
    s.base = sc.base
    s.state = sc.state
    s.exported = sc.exported
    s.decl_kw = sc.decl_kw
    s.stmt_def = sc.stmt_def
    s.lost = 0
    s.depth -= 1
    if not sc.continues:
        reset_statement(s)


cdef inline bint close_scope(Scan* s, uint8_t closer) noexcept nogil:
    """A closing bracket: whether it closed something. Braces win over parentheses that were left open."""
    cdef uint8_t opener = 40 if closer == 41 else closer - 2
    cdef int d
    cdef uint32_t i, stop
    cdef Token* paren
    if s.overflow:
        s.overflow -= 1
        return False
    if s.depth == 0:
        return False
    if s.scopes[s.depth].opener != opener:
        if closer != 125:
            return False
        d = s.depth
        while d > 0 and s.scopes[d].opener != 123:
            d -= 1
        if d == 0:
            return False
        while s.depth > d:
            _pop(s)
    elif closer == 41 and s.base > 0 and s.ntok > s.base and s.base > s.scopes[s.depth].base:
        paren = &s.toks[s.base - 1]
        stop = s.base + 5 if s.base + 5 < s.ntok else s.ntok
        for i in range(s.base, stop):
            if s.toks[i].kind == TK_IDENT and s.toks[i].kw != KW_CONST:
                paren.in_start = s.toks[i].start
                paren.in_len = s.toks[i].len
                paren.in_line = s.toks[i].line
                break
    d = s.scopes[s.depth].continues
    _pop(s)
    if d:
        keep_token(s)
    return True


cdef inline void unwind(Scan* s, int depth) noexcept nogil:
    """Close what is open above `depth`, and begin a new statement."""
    if s.depth > depth:
        while s.depth > depth:
            _pop(s)
        s.overflow = 0
        reset_statement(s)


cdef inline void attribute_begin(Scan* s) noexcept nogil:
    """The token just read begins an attribute: when its line holds no code before it, the line is none either."""
    if not s.before & SEEN_CODE:
        s.cur = s.before | SEEN_ATTRIBUTE
    s.mark = SEEN_ATTRIBUTE


cdef inline void skip_balanced(Scan* s) noexcept nogil:
    """Read on until the bracket just read is closed."""
    cdef uint32_t nesting = 1
    while nesting:
        next_token(s)
        if s.tok.kind == TK_END:
            return
        if s.tok.kind == 40 or s.tok.kind == 91 or s.tok.kind == 123:
            nesting += 1
        elif s.tok.kind == 41 or s.tok.kind == 93 or s.tok.kind == 125:
            nesting -= 1


cdef inline void skip_at_attribute(Scan* s) noexcept nogil:
    """The token is `@`: read `name.name(…)` behind it."""
    cdef uint32_t p
    attribute_begin(s)
    next_token(s)
    if s.tok.kind == 91:
        skip_balanced(s)
    while s.pos < s.end and s.tok.kind == TK_IDENT and (s.text[s.pos] == 46 or s.text[s.pos] == 58):
        next_token(s)
        next_token(s)
    p = s.pos
    while s.lang == LANG_JAVA and p < s.end and s.text[p] <= 32:
        p += 1
    if p < s.end and s.text[p] == 40 and s.tok.kind == TK_IDENT:
        next_token(s)
        skip_balanced(s)
    s.mark = SEEN_CODE


cdef inline void skip_bracket_attribute(Scan* s) noexcept nogil:
    """The token is the `[` of an attribute."""
    attribute_begin(s)
    skip_balanced(s)
    s.mark = SEEN_CODE


cdef inline void skip_template(Scan* s) noexcept nogil:
    """The token is `template`: read its `<…>`, if there is one."""
    cdef uint32_t angle = 0, nesting = 0, p = s.pos
    while p < s.end and (s.text[p] == 32 or s.text[p] == 10 or s.text[p] == 13 or s.text[p] == 9):
        p += 1
    if p >= s.end or s.text[p] != 60:
        return
    attribute_begin(s)
    while True:
        next_token(s)
        if s.tok.kind == TK_END or s.tok.kind == 59 or s.tok.kind == 123:
            break
        if s.tok.kind == 40:
            nesting += 1
        elif s.tok.kind == 41:
            nesting -= 1 if nesting else 0
        elif nesting == 0 and s.tok.kind == 60:
            angle += 1
        elif nesting == 0 and s.tok.kind == 62:
            angle -= 1
            if angle == 0:
                break
    s.mark = SEEN_CODE


cdef inline uint32_t angles_end(Scan* s, uint32_t i, uint32_t e) noexcept nogil:
    """Behind the `<…>` at token `i` of the statement; `i` itself when it is not closed before `e`."""
    cdef uint32_t nesting = 0, j = i
    while j < e:
        if s.toks[j].kind == 60:
            nesting += 1
        elif s.toks[j].kind == 62:
            nesting -= 1
            if nesting == 0:
                return j + 1
        elif s.toks[j].kind == 59 or s.toks[j].kind == 123:
            return i
        j += 1
    return i


cdef inline int32_t emit_token(Scan* s, const Token* t, int kind, int flags) noexcept nogil:
    """A definition named by the token, in the open scope; its signature begins with the statement."""
    cdef uint32_t first = s.toks[s.base].line if s.ntok > s.base else t.line
    cdef int32_t d = emit(s, t.start, t.len, t.line, first, kind, flags, top_scope(s).owner)
    if d >= 0 and kind == KIND_FUNCTION:
        # the scope says it, not the definition around: that is a function around an anonymous class, and a class
        # around what a property's accessor holds
        s.out.defs[d].kind = KIND_METHOD if top_scope(s).kind == SC_TYPE else KIND_FUNCTION
    return d


cdef inline bint at_declarations(Scan* s) noexcept nogil:
    """Whether what is declared here is not local."""
    cdef int kind = s.scopes[s.depth].kind
    return kind == SC_FILE or kind == SC_NAMESPACE or kind == SC_TYPE
