# cython: language_level=3
"""JavaScript and TypeScript: functions that are statements, methods, values of variables and of properties."""
from libc.stdint cimport uint8_t, uint32_t, int32_t
from _core.languages cimport LANG_TYPESCRIPT, LANG_KOTLIN
from _core.outline_words cimport *
from _core.outline_base cimport *
from _core.outline_scopes cimport (
    open_scope, close_scope, top_scope, reset_statement, keep_token, emit_token, at_declarations)


cdef inline int _last(Scan* s) noexcept nogil:
    """The kind of the last token of the statement, 0 when it is empty."""
    return s.toks[s.ntok - 1].kind if s.ntok > s.base else 0


cdef inline int _last_kw(Scan* s) noexcept nogil:
    return s.toks[s.ntok - 1].kw if s.ntok > s.base else 0


cdef inline bint next_is_name(Scan* s) noexcept nogil:
    """Whether a word or a quote follows on the line: the keyword just read is one, not a name itself."""
    cdef uint32_t p = s.pos
    while p < s.end and (s.text[p] == 32 or s.text[p] == 9):
        p += 1
    return p < s.end and (s.cls[s.text[p]] == 3 or s.text[p] == 34 or s.text[p] == 39 or s.text[p] == 96)


cdef inline bint newline_ends(Scan* s) noexcept nogil:
    """The token is the first of its line: whether it begins a statement."""
    cdef int last = _last(s)
    cdef int k = s.tok.kind
    cdef int kw = s.tok.kw
    if not (last == TK_IDENT or last == TK_NUMBER or last == TK_STRING or last == 41 or last == 93 or last == 125
            or last == 62 or last == 63 or last == 33 or last == 42
            or last == TK_THIN and s.lang == LANG_KOTLIN):
        return False
    if last == TK_IDENT and s.state <= ST_DECL and (s.decl[_last_kw(s)] or s.modifier[_last_kw(s)]):
        return False
    if k == TK_IDENT:
        return not (kw == KW_EXTENDS or kw == KW_IMPLEMENTS or kw == KW_IN or kw == KW_INSTANCEOF or kw == KW_AS
                    or kw == KW_WHERE or kw == KW_THROWS or kw == KW_IS or kw == KW_BY or kw == KW_SATISFIES
                    or kw == KW_OF)
    return k == 64 or k == 35 or (top_scope(s).kind == SC_TYPE and (k == 91 or k == 42 or k == TK_STRING))


cdef inline int _flags(Scan* s, const Token* t) noexcept nogil:
    """DEF_EXPORTED or 0 of what is named by the token in the open scope."""
    cdef uint32_t i
    cdef int32_t owner = top_scope(s).owner
    if s.exported == 1:
        return DEF_EXPORTED
    if s.text[t.start] == 35 or s.text[t.start] == 95:
        return 0
    if owner >= 0 and top_scope(s).kind == SC_TYPE:
        for i in range(s.base, s.ntok):
            if s.toks[i].kw == KW_PRIVATE or s.toks[i].kw == KW_PROTECTED:
                return 0
        return s.out.defs[owner].flags & DEF_EXPORTED
    return 0


cdef inline uint32_t _assigned(Scan* s, uint32_t* name) noexcept nogil:
    """The token behind the `=` or `:` that gives the statement's value to a name; 0 when there is none."""
    cdef uint32_t b = s.base, e = s.ntok, i, eq = 0
    if e < b + 2:
        return 0
    if top_scope(s).kind == SC_OBJECT:
        if s.toks[b + 1].kind == 58 and (s.toks[b].kind == TK_IDENT or s.toks[b].kind == TK_STRING):
            name[0] = b
            return b + 2
        return 0
    for i in range(b + 1, e):
        if s.toks[i].kind == 61:
            eq = i
    if eq == 0:
        return 0
    if s.decl_kw:
        name[0] = b
        for i in range(b, eq):
            if s.toks[i].kw == s.decl_kw:
                name[0] = i + 1
    else:
        name[0] = eq - 1
        for i in range(b + 1, eq):
            if s.toks[i].kind == 58 and s.toks[i - 1].kind == TK_IDENT:
                name[0] = i - 1
                break
    if name[0] >= eq or s.toks[name[0]].kind != TK_IDENT:
        return 0
    if s.toks[name[0]].kw == KW_EXPORT or (s.toks[name[0]].len == 7 and token_is(s, &s.toks[name[0]], b"exports")) \
            or (s.toks[name[0]].len == 9 and token_is(s, &s.toks[name[0]], b"prototype")):
        return 0
    return eq + 1


cdef inline void _value(Scan* s, int kind) noexcept nogil:
    """What the statement gives to its name is a function or a class: say so of the definition, or emit it now."""
    cdef uint32_t name = 0, value, i = 0
    cdef Token t
    cdef int flags
    if top_scope(s).kind == SC_PAREN:
        return
    value = _assigned(s, &name)
    if value == 0:
        return
    # directly: name = [async] [<T>] (…) [: type] =>
    if value < s.ntok:
        i = value
        if s.toks[i].kw == KW_ASYNC:
            i += 1
        if i < s.ntok and s.toks[i].kind != 40 and s.toks[i].kind != 60 \
                and not (s.toks[i].kind == TK_IDENT and i + 1 == s.ntok):
            return
    if s.stmt_def >= 0:
        s.out.defs[s.stmt_def].kind = <uint8_t>kind
        return
    t = s.toks[name]
    if t.kind == TK_STRING and t.len > 2:
        t.start += 1
        t.len -= 2
    flags = _flags(s, &t)
    if name > s.base + 1 and (token_is(s, &s.toks[s.base], b"exports") or token_is(s, &s.toks[s.base], b"module")):
        flags = DEF_EXPORTED
    if kind == KIND_FUNCTION and top_scope(s).kind == SC_OBJECT:
        kind = KIND_METHOD
    s.stmt_def = emit_token(s, &t, kind, flags)


cdef inline int32_t _method(Scan* s, int flags) noexcept nogil:
    """Emit the method whose head the statement is: `[static async get *] name[<T>](…)`; -1 when it is not one."""
    cdef uint32_t b = s.base, e = s.ntok, i, nesting = 0
    cdef Token t
    i = b
    while i < e and (s.toks[i].kind != 40 or nesting):
        if s.toks[i].kind == 60:
            nesting += 1
        elif s.toks[i].kind == 62 and nesting:
            nesting -= 1
        elif nesting == 0 and (s.toks[i].kind == 61 or s.toks[i].kind == 58 or s.toks[i].kind == 46):
            return -1
        i += 1
    nesting = 0
    if i >= e or i == b:
        return -1
    i -= 1
    if s.toks[i].kind == 62:
        while i > b:
            if s.toks[i].kind == 62:
                nesting += 1
            elif s.toks[i].kind == 60:
                nesting -= 1
                if nesting == 0:
                    break
            i -= 1
        if i == b:
            return -1
        i -= 1
    if s.toks[i].kind == 63 and i > b:
        i -= 1
    t = s.toks[i]
    if t.kind == TK_STRING and t.len > 2:
        t.start += 1
        t.len -= 2
    elif t.kind != TK_IDENT:
        return -1
    elif t.kw == KW_NEW and flags & DEF_DECLARATION:  # what a type's constructor takes
        return -1
    elif i == b and (t.kw == KW_IF or t.kw == KW_FOR or t.kw == KW_WHILE or t.kw == KW_SWITCH or t.kw == KW_CATCH
                     or t.kw == KW_WITH or t.kw == KW_FUNCTION):
        return -1
    if i > b and (s.toks[i - 1].kw == KW_NEW or s.toks[i - 1].kw == KW_FUNCTION or s.toks[i - 1].kw == KW_RETURN
                  or s.toks[i - 1].kw == KW_ELSE or s.toks[i - 1].kw == KW_AWAIT):
        return -1
    if i > b and s.toks[i - 1].kind == 35:  # #private
        flags &= ~DEF_EXPORTED
        return emit_token(s, &t, KIND_METHOD, flags)
    return emit_token(s, &t, KIND_METHOD, flags | _flags(s, &t))


cdef inline void script_end(Scan* s) noexcept nogil:
    """The statement is over; in TypeScript it may have been a method without a body."""
    if s.lang == LANG_TYPESCRIPT and s.ntok > s.base + 2 and s.stmt_def < 0 and top_scope(s).kind == SC_TYPE:
        _method(s, DEF_DECLARATION)
    reset_statement(s)


cdef inline bint _has(Scan* s, int kw) noexcept nogil:
    cdef uint32_t i
    for i in range(s.base, s.ntok):
        if s.toks[i].kw == kw:
            return True
    return False


cdef inline bint _in_angles(Scan* s) noexcept nogil:
    """Whether a `<` of the statement's head is still open: class A<T extends { … }>."""
    cdef uint32_t i
    cdef int nesting = 0
    if s.state != ST_NAMED or s.decl[s.decl_kw] == KIND_CONSTANT or s.decl[s.decl_kw] == KIND_VARIABLE:
        return False
    for i in range(s.base, s.ntok):
        if s.toks[i].kind == 60:
            nesting += 1
        elif s.toks[i].kind == 62 and nesting > 0:
            nesting -= 1
    return nesting > 0


cdef inline void _open_brace(Scan* s) noexcept nogil:
    cdef Scope* sc = top_scope(s)
    cdef int last = _last(s)
    cdef int last_kw = _last_kw(s)
    cdef int32_t owner = s.stmt_def if s.stmt_def >= 0 else sc.owner
    cdef int32_t d
    cdef int kind = s.out.defs[s.stmt_def].kind if s.stmt_def >= 0 else 0
    cdef bint typescript = s.lang == LANG_TYPESCRIPT
    if sc.kind == SC_OPAQUE:
        open_scope(s, 123, SC_OPAQUE, sc.owner, False)
    elif last == 0:
        if sc.kind == SC_PAREN or sc.kind == SC_OBJECT:
            open_scope(s, 123, SC_OBJECT, sc.owner, True)
        else:
            open_scope(s, 123, SC_FUNC, sc.owner, False)
    elif last == TK_ARROW:
        if typescript and (s.decl_kw == KW_TYPE or s.decl_kw == KW_INTERFACE):
            open_scope(s, 123, SC_OPAQUE, owner, True)
        else:
            open_scope(s, 123, SC_FUNC, owner, True)
    elif last == 58:
        if s.toks[s.base].kw == KW_CASE or s.toks[s.base].kw == KW_DEFAULT:
            open_scope(s, 123, SC_FUNC, sc.owner, False)
        elif sc.kind == SC_OBJECT or (not typescript and sc.kind != SC_TYPE):
            open_scope(s, 123, SC_OBJECT, owner, True)
        else:
            open_scope(s, 123, SC_OPAQUE, owner, True)
    elif last == 61:
        if s.decl_kw == KW_TYPE:
            open_scope(s, 123, SC_OPAQUE, owner, True)
        else:
            open_scope(s, 123, SC_OBJECT, owner, True)
    elif last == 60 or typescript and _in_angles(s):
        open_scope(s, 123, SC_OPAQUE, owner, True)
    elif typescript and (last == 38 or last == 124) \
            and not (s.ntok > s.base + 1 and s.toks[s.ntok - 2].kind == last):
        open_scope(s, 123, SC_OPAQUE, owner, True)  # A & { … }
    elif last == 44 or last == 63 or last == 124 or last == 38 or last == 46 \
            or (last_kw == KW_RETURN or last_kw == KW_DEFAULT):
        if s.decl_kw == KW_TYPE:
            open_scope(s, 123, SC_OPAQUE, owner, True)
        else:
            open_scope(s, 123, SC_OBJECT, sc.owner, True)
    elif last_kw == KW_IMPORT or (last_kw == KW_EXPORT) or last_kw == KW_CONST or last_kw == KW_LET \
            or last_kw == KW_VAR or (s.toks[s.base].kw == KW_IMPORT and last != 41):
        # const { a } = x, b = y: the names after the first are found
        s.state = ST_NAMED if s.state == ST_DECL and s.decl[s.decl_kw] != KIND_ENUM else ST_OTHER
        open_scope(s, 123, SC_OPAQUE, owner, True)
    elif s.state == ST_NAMED and s.decl_kw == KW_FUNCTION:
        open_scope(s, 123, SC_FUNC, owner, False)
    elif s.state == ST_NAMED and (s.decl_kw == KW_CLASS or s.decl_kw == KW_INTERFACE):
        open_scope(s, 123, SC_TYPE, owner, False)
    elif s.state == ST_NAMED and s.decl_kw == KW_ENUM:
        open_scope(s, 123, SC_OPAQUE, owner, False)
    elif s.state == ST_NAMED and (s.decl_kw == KW_NAMESPACE or s.decl_kw == KW_MODULE) \
            or s.toks[s.base].kw == KW_DECLARE and token_is(s, &s.toks[s.ntok - 1], b"global"):
        open_scope(s, 123, SC_NAMESPACE, owner, False)
    elif _has(s, KW_CLASS):
        open_scope(s, 123, SC_TYPE, owner, True)
    elif _has(s, KW_FUNCTION) and (sc.kind != SC_TYPE or s.toks[s.base].kw != KW_FUNCTION):
        open_scope(s, 123, SC_FUNC, owner, True)
    elif sc.kind == SC_TYPE or sc.kind == SC_OBJECT:
        d = _method(s, 0)
        open_scope(s, 123, SC_FUNC, d if d >= 0 else sc.owner, False)
    elif last == 41 and kind == KIND_NONE and s.state == ST_OTHER and sc.kind == SC_PAREN:
        open_scope(s, 123, SC_FUNC, sc.owner, True)
    else:
        open_scope(s, 123, SC_FUNC, sc.owner, False)


cdef inline void _word(Scan* s) noexcept nogil:
    """An identifier or a keyword."""
    cdef int kw = s.tok.kw
    cdef int last = _last(s)
    cdef int last_kw = _last_kw(s)
    cdef Scope* sc = top_scope(s)
    cdef uint32_t name = 0
    cdef int kind
    cdef Definition* d
    if last == 46:
        if s.state == ST_NAMED and s.stmt_def >= 0 and s.out.defs[s.stmt_def].kind == KIND_MODULE:
            d = &s.out.defs[s.stmt_def]
            if d.name + d.name_len + 1 == s.tok.start:
                d.name_len = <uint16_t>(d.name_len + s.tok.len + 1)
    elif sc.kind == SC_OPAQUE:
        return
    elif (sc.kind == SC_OBJECT or sc.kind == SC_TYPE) and s.state == ST_START:
        s.state = ST_OTHER
    elif s.state == ST_START:
        if s.decl[kw]:
            if (kw == KW_TYPE or kw == KW_INTERFACE or kw == KW_ENUM or kw == KW_NAMESPACE
                    or kw == KW_MODULE) and (sc.kind == SC_PAREN or not next_is_name(s)):
                s.state = ST_OTHER
            else:
                s.state = ST_DECL
                s.decl_kw = <uint16_t>kw
        elif s.modifier[kw]:
            if kw == KW_EXPORT:
                s.exported = 1
        else:
            s.state = ST_OTHER
    elif s.state == ST_DECL:
        kind = s.decl[s.decl_kw]
        if s.decl_kw == KW_CONST and kw == KW_ENUM:
            s.decl_kw = KW_ENUM
        elif s.decl_kw == KW_CLASS and kw == KW_EXTENDS:
            s.state = ST_OTHER
        elif kind == KIND_CONSTANT or kind == KIND_VARIABLE:
            s.state = ST_NAMED
            if sc.kind == SC_FILE or sc.kind == SC_NAMESPACE:
                s.stmt_def = emit_token(s, &s.tok, kind, _flags(s, &s.tok))
        else:
            s.state = ST_NAMED
            s.stmt_def = emit_token(s, &s.tok, kind, _flags(s, &s.tok))
    elif kw == KW_FUNCTION or kw == KW_CLASS:
        if last == 61 or last == 58 or last_kw == KW_ASYNC:
            _value(s, KIND_FUNCTION if kw == KW_FUNCTION else KIND_CLASS)
    elif (last_kw == KW_FUNCTION or last_kw == KW_CLASS and kw != KW_EXTENDS) and s.state == ST_OTHER \
            and s.stmt_def < 0:
        if _assigned(s, &name) == 0:
            s.stmt_def = emit_token(s, &s.tok, KIND_FUNCTION if last_kw == KW_FUNCTION else KIND_CLASS,
                                    DEF_EXPORTED if token_is(s, &s.toks[s.base], b"module") else 0)
    keep_token(s)


cdef inline bint _has_angle(Scan* s) noexcept nogil:
    """Whether `<` is in the statement: then a comma may be inside a type."""
    cdef uint32_t i
    for i in range(s.base, s.ntok):
        if s.toks[i].kind == 60:
            return True
    return False


cdef inline bint _method_angles(Scan* s) noexcept nogil:
    """Whether a `<` is open in the head of an object's method: `name<A`, `name(…): Name<A`."""
    cdef uint32_t i
    cdef int nesting = 0
    cdef bint parameters = False
    for i in range(s.base, s.ntok):
        if s.toks[i].kind == 60:
            nesting += 1
        elif s.toks[i].kind == 62:
            nesting -= 1
        elif nesting == 0 and s.toks[i].kind == 40:
            parameters = True
        elif nesting == 0 and not parameters and s.toks[i].kind != TK_IDENT and s.toks[i].kind != 42:
            return False
    return nesting > 0


cdef inline void script_token(Scan* s) noexcept nogil:
    """One token."""
    cdef int k = s.tok.kind
    cdef Scope* sc = top_scope(s)
    cdef int kind
    if s.first and s.ntok > s.base and sc.kind != SC_PAREN and sc.kind != SC_OPAQUE and sc.kind != SC_OBJECT \
            and newline_ends(s):
        script_end(s)
    if k == TK_IDENT:
        _word(s)
    elif k == 40 or k == 91:
        if s.state == ST_DECL or s.state == ST_START and k == 40:
            s.state = ST_OTHER
        keep_token(s)
        open_scope(s, <uint8_t>k, SC_PAREN if sc.kind != SC_OPAQUE else SC_OPAQUE,
                   s.stmt_def if s.stmt_def >= 0 else sc.owner, True)
    elif k == 41 or k == 93:
        close_scope(s, <uint8_t>k)
    elif k == 123:
        _open_brace(s)
    elif k == 125:
        if sc.kind == SC_TYPE:
            script_end(s)
        close_scope(s, 125)
    elif k == 59:
        script_end(s)
    elif k == 44:
        if sc.kind == SC_OBJECT and s.lang == LANG_TYPESCRIPT and _method_angles(s):
            keep_token(s)
        elif sc.kind == SC_OBJECT or sc.kind == SC_PAREN or sc.kind == SC_OPAQUE:
            reset_statement(s)
        elif sc.kind == SC_TYPE and s.lang == LANG_TYPESCRIPT and s.ntok > s.base and s.stmt_def < 0 \
                and not _has_angle(s):
            script_end(s)
        else:
            kind = s.decl[s.decl_kw]
            if s.state == ST_NAMED and (kind == KIND_CONSTANT or kind == KIND_VARIABLE) and not _has_angle(s) \
                    and s.base + 1 < TOKENS:
                # const a = 1, b = 2: the next name; the keyword stays in the statement
                s.ntok = s.base
                s.toks[s.ntok].kind = TK_IDENT
                s.toks[s.ntok].kw = s.decl_kw
                s.toks[s.ntok].start = s.tok.start
                s.toks[s.ntok].len = 1
                s.toks[s.ntok].line = s.tok.line
                s.ntok += 1
                s.stmt_def = -1
                s.state = ST_DECL
            else:
                keep_token(s)
    elif k == TK_ARROW:
        if s.state != ST_START and sc.kind != SC_OPAQUE and s.decl_kw != KW_TYPE:
            _value(s, KIND_FUNCTION)
        keep_token(s)
    else:
        if sc.kind == SC_OPAQUE:
            return
        if s.state == ST_START and k != 42 and k != 64 and k != 35:
            s.state = ST_OTHER
        elif s.state == ST_DECL and k == TK_STRING and (s.decl_kw == KW_MODULE or s.decl_kw == KW_NAMESPACE):
            s.state = ST_NAMED
            if s.tok.len > 2:
                s.stmt_def = emit(s, s.tok.start + 1, s.tok.len - 2, s.tok.line, s.tok.line, KIND_MODULE,
                                  DEF_EXPORTED, sc.owner)
        keep_token(s)
