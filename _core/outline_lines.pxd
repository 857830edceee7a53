# cython: language_level=3
"""Languages read line by line, where a definition begins its line and indentation says what is inside what."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, int32_t
from libc.string cimport memcmp
from _core.languages cimport *
from _core.outline_words cimport *
from _core.outline_base cimport *
from _core.outline_lex cimport next_token
from _core.outline_scopes cimport attribute_begin, skip_at_attribute


cdef enum:
    CLAUSES_BACK = 4  # names that one signature may list
    LINE_TOKENS = 96  # of a line (or of a line and those it continues on) that are looked at


cdef inline int owner_kind(Scan* s) noexcept nogil:
    """The kind of the definition around, 0 at the top."""
    cdef int32_t owner = s.scopes[s.depth].owner
    return s.out.defs[owner].kind if owner >= 0 else 0


cdef inline bint in_function(Scan* s) noexcept nogil:
    cdef int kind = owner_kind(s)
    return kind == KIND_FUNCTION or kind == KIND_METHOD or kind == KIND_MACRO


cdef inline void enter(Scan* s, int32_t owner) noexcept nogil:
    """What is indented more than the line belongs to `owner`."""
    if s.depth >= SCOPES - 1:
        return
    s.depth += 1
    s.scopes[s.depth].owner = owner
    s.scopes[s.depth].indent = line_indent(s, s.toks[0].line)
    s.scopes[s.depth].hidden = 0
    s.scopes[s.depth].kind = SC_FILE
    s.scopes[s.depth].base = 0xFFFF


cdef inline int32_t emit_line(Scan* s, const Token* t, int kind, int flags, bint block) noexcept nogil:
    """The line defines the token; `block`: more may be defined inside."""
    cdef int32_t d = emit(s, t.start, t.len, t.line, s.toks[0].line, kind, flags, s.scopes[s.depth].owner)
    if block and d >= 0:
        enter(s, d)
    return d


cdef inline bint is_word(Scan* s, uint32_t i, const char* word) noexcept nogil:
    return i < s.ntok and s.toks[i].kind == TK_IDENT and token_is(s, &s.toks[i], word)


cdef inline bint is_kind(Scan* s, uint32_t i, int kind) noexcept nogil:
    return i < s.ntok and s.toks[i].kind == kind


cdef inline bint is_kw(Scan* s, uint32_t i, int kw) noexcept nogil:
    return i < s.ntok and s.toks[i].kw == kw


cdef inline uint32_t dotted(Scan* s, uint32_t i, Token* out) noexcept nogil:
    """The name `a.b:c` or `a::b` that begins at token `i`, in `out`; behind it."""
    out[0] = s.toks[i]
    i += 1
    while i + 1 < s.ntok and s.toks[i].start == out.start + out.len \
            and (s.toks[i].kind == 46 or s.toks[i].kind == 58 or s.toks[i].kind == TK_SCOPE) \
            and s.toks[i + 1].kind == TK_IDENT and s.toks[i + 1].start == s.toks[i].start + s.toks[i].len:
        out.len = s.toks[i + 1].start + s.toks[i + 1].len - out.start
        i += 2
    return i


cdef inline uint32_t group_end(Scan* s, uint32_t i) noexcept nogil:
    """Behind the bracket at token `i` and what it encloses."""
    cdef uint32_t nesting = 0
    while i < s.ntok:
        if s.toks[i].kind == 40 or s.toks[i].kind == 91 or s.toks[i].kind == 123:
            nesting += 1
        elif s.toks[i].kind == 41 or s.toks[i].kind == 93 or s.toks[i].kind == 125:
            nesting -= 1
            if nesting == 0:
                return i + 1
        i += 1
    return i


cdef inline bint _capitals(Scan* s, const Token* t) noexcept nogil:
    cdef uint32_t i
    for i in range(t.start, t.start + t.len):
        if 97 <= s.text[i] <= 122:
            return False
    return True


cdef inline int _not_private(Scan* s, const Token* t) noexcept nogil:
    """DEF_EXPORTED unless the name begins with an underscore."""
    return 0 if s.text[t.start] == 95 else DEF_EXPORTED


cdef inline bint same_as_last(Scan* s, const Token* t, int kind) noexcept nogil:
    """Whether one of the last definitions has that name, kind and place: the line is a further clause of it."""
    cdef Definition* d
    cdef uint32_t i = s.out.n_defs
    cdef uint32_t stop = i - CLAUSES_BACK if i > CLAUSES_BACK else 0
    while i > stop:
        i -= 1
        d = &s.out.defs[i]
        if d.name_len == t.len and (d.kind == kind or kind == KIND_FUNCTION and d.kind == KIND_METHOD) \
                and d.parent == s.scopes[s.depth].owner and memcmp(s.text + d.name, s.text + t.start, t.len) == 0:
            return True
        if s.lang != LANG_HASKELL:
            break
    return False


cdef inline void _cython_line(Scan* s) noexcept nogil:
    """`cdef class Name`, `cdef inline type name(…)`."""
    cdef uint32_t i
    cdef Token* t
    for i in range(1, s.ntok):
        t = &s.toks[i]
        if t.kind == 61:
            return
        if (t.kw == KW_CLASS or t.kw == KW_STRUCT or t.kw == KW_ENUM or t.kw == KW_UNION):
            if is_kind(s, i + 1, TK_IDENT) and is_kind(s, s.ntok - 1, 58):
                emit_line(s, &s.toks[i + 1], KIND_CLASS if t.kw == KW_CLASS else (
                    KIND_STRUCT if t.kw == KW_STRUCT else (KIND_ENUM if t.kw == KW_ENUM else KIND_TYPE)),
                    _not_private(s, &s.toks[i + 1]), True)
            return
        if t.kind == 40 and s.toks[i - 1].kind == TK_IDENT:
            emit_line(s, &s.toks[i - 1], KIND_FUNCTION, _not_private(s, &s.toks[i - 1]), True)
            return


cdef inline void python_line(Scan* s) noexcept nogil:
    cdef uint32_t i = 0
    cdef Token* t = &s.toks[0]
    if t.kind != TK_IDENT:
        return
    if t.kw == KW_ASYNC:
        i = 1
    if (is_kw(s, i, KW_DEF) or is_kw(s, i, KW_CLASS)) and is_kind(s, i + 1, TK_IDENT):
        t = &s.toks[i + 1]
        emit_line(s, t, KIND_FUNCTION if s.toks[i].kw == KW_DEF else KIND_CLASS, _not_private(s, t), True)
    elif t.kw == KW_CDEF or t.kw == KW_CPDEF:
        _cython_line(s)
    elif s.ntok > 2 and t.start == s.out.line_start[t.line]:
        if t.kw == KW_TYPE and s.toks[1].kind == TK_IDENT:
            emit_line(s, &s.toks[1], KIND_TYPE, _not_private(s, &s.toks[1]), False)
            return
        i = 1
        if s.toks[1].kind == 58:
            while i < s.ntok and s.toks[i].kind != 61:
                i = group_end(s, i) if s.toks[i].kind == 91 or s.toks[i].kind == 40 else i + 1
        if is_kind(s, i, 61) and (t.kw == 0 or i == 1):
            emit_line(s, t, KIND_CONSTANT if _capitals(s, t) else KIND_VARIABLE, _not_private(s, t), False)


cdef inline void ruby_line(Scan* s) noexcept nogil:
    cdef uint32_t i = 0
    cdef Token t
    cdef int32_t owner = s.scopes[s.depth].owner
    cdef bint hidden = s.scopes[s.depth].hidden
    cdef bint block = True
    if s.toks[0].kind != TK_IDENT:
        return
    if s.ntok == 1:
        if s.toks[0].kw == KW_PRIVATE or s.toks[0].kw == KW_PROTECTED:
            s.scopes[s.depth].hidden = 1
        elif s.toks[0].kw == KW_PUBLIC:
            s.scopes[s.depth].hidden = 0
        return
    if s.toks[1].kw == KW_DEF:
        i = 1
        if s.toks[0].kw == KW_PRIVATE or s.toks[0].kw == KW_PROTECTED or is_word(s, 0, b"private_class_method"):
            hidden = True
    if s.toks[i].kw == KW_DEF and i + 1 < s.ntok:
        i += 1
        if is_kind(s, i, TK_IDENT) and is_kind(s, i + 1, 46) and s.toks[i + 1].start == s.toks[i].start + s.toks[i].len:
            i += 2
        if i >= s.ntok:
            return
        t = s.toks[i]
        if t.kind == TK_IDENT:
            if is_kind(s, i + 1, 61) and s.toks[i + 1].start == t.start + t.len:
                t.len += 1
        elif t.kind == 40 or t.kind == TK_STRING or t.kind == TK_NUMBER:
            return
        else:
            while i + 1 < s.ntok and s.toks[i + 1].start == t.start + t.len and s.toks[i + 1].kind != 40 \
                    and s.toks[i + 1].kind != TK_IDENT:
                i += 1
                t.len += s.toks[i].len
        emit_line(s, &t, KIND_FUNCTION if owner_kind(s) != KIND_MODULE else KIND_METHOD,
                  0 if hidden else _not_private(s, &t), True)
    elif s.toks[0].kw == KW_CLASS and s.toks[1].kind == TK_OP:
        enter(s, owner)
    elif (s.toks[0].kw == KW_CLASS or s.toks[0].kw == KW_MODULE) and (
            s.toks[1].kind == TK_IDENT or s.toks[1].kind == TK_SCOPE and is_kind(s, 2, TK_IDENT)):
        dotted(s, 1 if s.toks[1].kind == TK_IDENT else 2, &t)
        emit_line(s, &t, KIND_CLASS if s.toks[0].kw == KW_CLASS else KIND_MODULE, DEF_EXPORTED, True)
    elif 65 <= s.text[s.toks[0].start] <= 90 and s.toks[1].kind == 61 and not in_function(s):
        block = is_word(s, 2, b"Struct") or is_word(s, 2, b"Class") or is_word(s, 2, b"Data")
        emit_line(s, &s.toks[0], KIND_CLASS if block else KIND_CONSTANT, DEF_EXPORTED, block)


cdef inline void elixir_line(Scan* s) noexcept nogil:
    cdef Token t
    cdef int kw = s.toks[0].kw
    cdef int kind = s.decl[kw]
    if s.ntok < 2:
        return
    if s.toks[0].kind == 64:
        if s.ntok > 2 and s.toks[2].kind == TK_IDENT:
            if is_word(s, 1, b"type") or is_word(s, 1, b"typep") or is_word(s, 1, b"opaque"):
                emit_line(s, &s.toks[2], KIND_TYPE, 0 if is_word(s, 1, b"typep") else DEF_EXPORTED, False)
            elif is_word(s, 1, b"callback") or is_word(s, 1, b"macrocallback"):
                emit_line(s, &s.toks[2], KIND_METHOD, DEF_EXPORTED | DEF_DECLARATION, False)
        return
    if kind == 0:
        return
    t = s.toks[1]
    if kind != KIND_MODULE and kind != KIND_INTERFACE and kind != KIND_IMPL and s.ntok > 2:
        if s.toks[1].kind != TK_IDENT:
            if not is_kind(s, 2, TK_IDENT) or t.kind == 40 or t.kind == 91 or t.kind == 123 or t.kind == TK_STRING:
                return  # def +value
        elif is_word(s, 1, b"unquote"):
            return
        elif s.ntok > 3 and s.toks[3].kind == TK_IDENT and s.toks[2].line == t.line \
                and (is_word(s, 2, b"and") or is_word(s, 2, b"or") or is_word(s, 2, b"in")
                     or s.toks[2].start > t.start + t.len and s.toks[3].start > s.toks[2].start + s.toks[2].len
                     and s.toks[2].kind != TK_IDENT and s.toks[2].kind != 40 and s.toks[2].kind != 44):
            t = s.toks[2]  # def left + right
    elif s.toks[1].kind != TK_IDENT:
        return
    if kind == KIND_MODULE or kind == KIND_INTERFACE or kind == KIND_IMPL:
        dotted(s, 1, &t)
        emit_line(s, &t, kind, DEF_EXPORTED, True)
        return
    if not same_as_last(s, &t, kind):
        emit_line(s, &t, kind, 0 if kw == KW_DEFP or kw == KW_DEFMACROP or kw == KW_DEFGUARDP else DEF_EXPORTED, True)


cdef inline void _lua_fields(Scan* s) noexcept nogil:
    """Functions further in the line: f(x, { name = function …"""
    cdef uint32_t i
    for i in range(1, s.ntok):
        if s.toks[i].kind == TK_IDENT and (s.toks[i - 1].kind == 123 or s.toks[i - 1].kind == 44) \
                and is_kind(s, i + 1, 61) and is_kw(s, i + 2, KW_FUNCTION):
            emit_line(s, &s.toks[i], KIND_FUNCTION, DEF_EXPORTED, False)


cdef inline void lua_line(Scan* s) noexcept nogil:
    cdef uint32_t i = 0, j
    cdef Token t
    cdef int flags = DEF_EXPORTED
    if s.toks[0].kw == KW_LOCAL:
        i = 1
        flags = 0
    if is_kw(s, i, KW_FUNCTION) and is_kind(s, i + 1, TK_IDENT):
        j = dotted(s, i + 1, &t)
        emit_line(s, &t, KIND_FUNCTION, flags, True)
        return
    if is_kind(s, 0, 91) and is_kind(s, 1, TK_STRING) and is_kind(s, 2, 93) and is_kind(s, 3, 61) \
            and is_kw(s, 4, KW_FUNCTION) and s.toks[1].len > 2:
        t = s.toks[1]
        t.start += 1
        t.len -= 2
        emit_line(s, &t, KIND_FUNCTION, flags, True)
        return
    if not is_kind(s, i, TK_IDENT) or s.toks[i].kw == KW_RETURN:
        _lua_fields(s)
        return
    j = dotted(s, i, &t)
    if is_kind(s, j, 60) and i == 1:  # local x <const>
        j += 3
    if is_kind(s, j, 44) and s.toks[0].start == s.out.line_start[s.toks[0].line]:  # a, b = f()
        while is_kind(s, j, 44) and is_kind(s, j + 1, TK_IDENT):
            j += 2
        if is_kind(s, j, 61):
            while i < j:
                if s.toks[i].kind == TK_IDENT:
                    emit_line(s, &s.toks[i], KIND_VARIABLE, flags, False)
                i += 1
        return
    if not is_kind(s, j, 61):
        _lua_fields(s)
        return
    if is_kw(s, j + 1, KW_FUNCTION):
        emit_line(s, &t, KIND_FUNCTION, flags, True)
        return
    if s.toks[0].start == s.out.line_start[s.toks[0].line] and s.toks[i].len == t.len:
        emit_line(s, &t, KIND_VARIABLE, flags, False)
    _lua_fields(s)


cdef inline bint _scala_anonymous(Scan* s, uint32_t i) noexcept nogil:
    """Whether the line opens the body of an anonymous class: `new Name(…) {`, perhaps with `self =>`."""
    cdef uint32_t e = s.ntok
    if e and s.toks[e - 1].kind == TK_ARROW and e > 2 and s.toks[e - 3].kind == 123:
        e -= 2
    if e == 0 or s.toks[e - 1].kind != 123:
        return False
    while i < e:
        if s.toks[i].kw == KW_NEW:
            return True
        i += 1
    return False


cdef inline void scala_line(Scan* s) noexcept nogil:
    cdef uint32_t i = 0
    cdef Token t
    cdef int flags = DEF_EXPORTED
    cdef int kw, kind
    cdef int32_t d
    cdef bint member = s.scopes[s.depth].kind == SC_TYPE  # of an anonymous class
    while i < s.ntok and s.modifier[s.toks[i].kw]:
        if s.toks[i].kw == KW_PRIVATE or s.toks[i].kw == KW_PROTECTED:
            flags = 0
        i += 1
        if is_kind(s, i, 91) and flags == 0:
            i = group_end(s, i)
    if i + 1 >= s.ntok:
        return
    kw = s.toks[i].kw
    kind = s.decl[kw]
    if kw == KW_PACKAGE:
        if not is_kw(s, i + 1, KW_OBJECT) or i + 2 >= s.ntok:
            return
        i += 1
    if kind == 0 or kind == KIND_IMPL or kind == KIND_VARIABLE \
            and (line_indent(s, s.toks[0].line) > s.scopes[s.depth].base or in_function(s) and not member):
        # deeper than the members of the class it is in a block
        if _scala_anonymous(s, i):
            enter(s, s.scopes[s.depth].owner)
            s.scopes[s.depth].kind = SC_TYPE
        return
    t = s.toks[i + 1]
    if kind == KIND_VARIABLE:
        if t.kind != TK_IDENT or not member and s.scopes[s.depth].owner >= 0 and not is_type_kind(owner_kind(s)) \
                and owner_kind(s) != KIND_MODULE or s.scopes[s.depth].owner < 0 and line_indent(s, t.line) > 0:
            return
        if kw == KW_GIVEN and not is_kind(s, i + 2, 58):
            return
        d = emit_line(s, &t, KIND_CONSTANT if kw == KW_VAL else KIND_VARIABLE, flags, True)
        if d >= 0 and _scala_anonymous(s, i):
            s.scopes[s.depth].kind = SC_TYPE
        return
    if t.kind != TK_IDENT:
        if kw != KW_DEF and kw != KW_OBJECT or t.kind == 40:
            return
        i += 1
        while i + 1 < s.ntok and s.toks[i + 1].start == t.start + t.len and s.toks[i + 1].kind != 40 \
                and s.toks[i + 1].kind != 91 and s.toks[i + 1].kind != TK_IDENT:
            i += 1
            t.len += s.toks[i].len
    elif s.text[t.start + t.len - 1] == 95:  # name_=
        i += 1
        while i + 1 < s.ntok and s.toks[i + 1].start == t.start + t.len and s.toks[i + 1].kind != 40 \
                and s.toks[i + 1].kind != 91 and s.toks[i + 1].kind != 58 and s.toks[i + 1].kind != TK_IDENT:
            i += 1
            t.len += s.toks[i].len
    d = emit_line(s, &t, kind, flags, True)
    if d >= 0:
        if member and kind == KIND_FUNCTION:
            s.out.defs[d].kind = KIND_METHOD
        if kind == KIND_FUNCTION and _scala_anonymous(s, i):
            s.scopes[s.depth].kind = SC_TYPE


cdef inline void julia_line(Scan* s) noexcept nogil:
    cdef uint32_t i = 0, j
    cdef Token t
    cdef int kw, kind
    while is_kind(s, i, 64) and is_kind(s, i + 1, TK_IDENT):
        i += 2
        if is_kind(s, i, 46):
            i += 2
    while i < s.ntok and s.modifier[s.toks[i].kw]:
        i += 1
    if i + 1 >= s.ntok:
        return
    kw = s.toks[i].kw
    kind = s.decl[kw]
    if kw == KW_TYPE and i == 0:
        kind = 0
    if kind:
        if not is_kind(s, i + 1, TK_IDENT):
            return
        j = dotted(s, i + 1, &t)
        if kind == KIND_CONSTANT and s.scopes[s.depth].owner >= 0 and owner_kind(s) != KIND_MODULE:
            return
        emit_line(s, &t, kind, _not_private(s, &t), kind != KIND_CONSTANT)
        return
    if s.toks[i].kind == TK_IDENT and kw == KW_NONE and not in_function(s):  # f(x) = …
        j = dotted(s, i, &t)
        if is_kind(s, j, 123):
            j = group_end(s, j)
        if not is_kind(s, j, 40):
            return
        j = group_end(s, j)
        while j < s.ntok and (s.toks[j].kind == TK_SCOPE or s.toks[j].kind == TK_IDENT or s.toks[j].kind == 123):
            j = group_end(s, j) if s.toks[j].kind == 123 else j + 1
        if is_kind(s, j, 61):
            emit_line(s, &t, KIND_FUNCTION, _not_private(s, &t), False)


cdef inline void perl_line(Scan* s) noexcept nogil:
    cdef Token t
    if s.toks[0].kw == KW_SUB and is_kind(s, 1, TK_IDENT):
        dotted(s, 1, &t)
        emit_line(s, &t, KIND_FUNCTION, _not_private(s, &t), True)
    elif s.toks[0].kw == KW_PACKAGE and is_kind(s, 1, TK_IDENT):
        dotted(s, 1, &t)
        emit_line(s, &t, KIND_MODULE, DEF_EXPORTED, not is_kind(s, s.ntok - 1, 59))
    elif is_word(s, 0, b"use") and is_word(s, 1, b"constant") and is_kind(s, 2, TK_IDENT):
        emit_line(s, &s.toks[2], KIND_CONSTANT, _not_private(s, &s.toks[2]), False)


cdef inline void ocaml_line(Scan* s) noexcept nogil:
    cdef uint32_t i = 0, j
    cdef int kw = s.toks[0].kw
    cdef int kind = s.decl[kw]
    if kind == 0 or s.ntok < 2:
        return
    if line_indent(s, s.toks[0].line) > 0 and owner_kind(s) != KIND_MODULE and owner_kind(s) != KIND_CLASS \
            and owner_kind(s) != KIND_INTERFACE and s.scopes[s.depth].owner >= 0 or in_function(s):
        return
    if line_indent(s, s.toks[0].line) > 0 and s.scopes[s.depth].owner < 0:
        return
    i = 1
    if is_kw(s, i, KW_TYPE):
        kind = KIND_INTERFACE
        i += 1
    while i < s.ntok and s.modifier[s.toks[i].kw]:
        i += 1
    if kind == KIND_TYPE or kw == KW_CLASS:
        j = i
        while j < s.ntok and s.toks[j].kind != TK_IDENT:
            j = group_end(s, j) if s.toks[j].kind == 40 or s.toks[j].kind == 91 else j + 1
        i = j
    if not is_kind(s, i, TK_IDENT) or s.text[s.toks[i].start] == 95:
        return
    if kw == KW_LET or kw == KW_AND or kw == KW_VAL:
        if kw == KW_AND and s.out.n_defs and s.out.defs[s.out.n_defs - 1].kind == KIND_TYPE:
            kind = KIND_TYPE
        elif kw == KW_VAL:
            kind = KIND_VARIABLE
            for j in range(i, s.ntok):
                if s.toks[j].kind == TK_THIN:
                    kind = KIND_FUNCTION
        elif (is_kind(s, i + 1, 61) or is_kind(s, i + 1, 58)) and not is_kw(s, i + 2, KW_FUNCTION) \
                and not is_kw(s, i + 2, KW_FUN):
            kind = KIND_VARIABLE
        for j in range(i, s.ntok):
            if s.toks[j].kw == KW_IN and kw == KW_LET and j + 1 == s.ntok:
                return
    emit_line(s, &s.toks[i], kind, DEF_EXPORTED, True)
