# cython: language_level=3
"""C, C++, C#, Java, Dart: a function is `type name(…)` before a body; the statement read so far is looked at when it
meets `{`, `;`, `=` or `=>`."""
from libc.stdint cimport uint8_t, uint32_t, int32_t
from libc.string cimport memcmp
from _core.languages cimport *
from _core.outline_words cimport *
from _core.outline_base cimport *
from _core.outline_scopes cimport (
    open_scope, close_scope, top_scope, reset_statement, keep_token, emit_token, at_declarations, unwind)
from _core.outline_cheads cimport (
    find_params, full_name, type_definition, is_attribute, is_control, is_capital, has_word, visibility, exported_name)


cdef inline int32_t _emit_type(Scan* s, uint32_t b, uint32_t name, int kind, int flags) noexcept nogil:
    cdef Token t = s.toks[name]
    cdef uint32_t j = name
    if kind == KIND_MODULE:  # a::b, a.b
        while j + 2 < s.ntok and (s.toks[j + 1].kind == TK_SCOPE or s.toks[j + 1].kind == 46) \
                and s.toks[j + 2].kind == TK_IDENT:
            j += 2
        t.len = s.toks[j].start + s.toks[j].len - t.start
    return emit_token(s, &t, kind, exported_name(s, &t, flags))


cdef inline bint _owner_name(Scan* s, const Token* t) noexcept nogil:
    """Whether the token is the name of the class around."""
    cdef int32_t owner = top_scope(s).owner
    cdef Definition* d
    if owner < 0:
        return False
    d = &s.out.defs[owner]
    if d.name_len < t.len or memcmp(s.text + d.name + d.name_len - t.len, s.text + t.start, t.len) != 0:
        return False
    return d.name_len == t.len or s.text[d.name + d.name_len - t.len - 1] == 58


cdef inline void _macro_argument(Scan* s, const Token* macro, const Token* paren, Token* out) noexcept nogil:
    """The argument that names what a macro defines: the first, of TEST(Suite, Name) the second."""
    cdef uint32_t p = paren.in_start + paren.in_len, i
    cdef bint test = False
    out.start = paren.in_start
    out.len = paren.in_len
    out.line = paren.in_line
    for i in range(macro.len - 3):
        if memcmp(s.text + macro.start + i, b"TEST", 4) == 0:
            test = True
    while p < s.end and s.text[p] == 32:
        p += 1
    if not test or p >= s.end or s.text[p] != 44:
        return
    p += 1
    while p < s.end and s.text[p] == 32:
        p += 1
    i = p
    while p < s.end and s.cont[s.text[p]]:
        p += 1
    if p > i:
        out.start = i
        out.len = p - i


cdef inline bint _super_bound(Scan* s, uint32_t i) noexcept nogil:
    """Whether token `i` is the `super` of a type of Java: `List<? super T>`."""
    return s.toks[i].kw == KW_SUPER and i > s.base and s.toks[i - 1].kind == 63


cdef inline int32_t c_function(Scan* s, bint body) noexcept nogil:
    """Emit the function whose head the statement is; -1 when it is not one."""
    cdef uint32_t b = s.base, e = s.ntok, name = 0, paren = 0, i
    cdef uint32_t types = 0
    cdef Token t
    cdef int flags
    cdef int scope = top_scope(s).kind
    if not find_params(s, b, e, &name, &paren):
        return -1
    for i in range(b, name):
        if s.toks[i].kind == TK_IDENT:
            if is_control(s.lang, s.toks[i].kw) and not s.modifier[s.toks[i].kw] and not _super_bound(s, i) \
                    or s.toks[i].kw == KW_TYPEDEF:
                return -1
            if (not s.modifier[s.toks[i].kw] or s.toks[i].kw == KW_AUTO) and not is_attribute(s, &s.toks[i]):
                types += 1
        elif s.toks[i].kind == 41 and (s.lang == LANG_CSHARP or s.lang == LANG_DART):
            types += 1  # a tuple
        elif s.toks[i].kind == 46 and s.lang == LANG_C:
            return -1
    t = s.toks[name]
    if s.toks[name].kw == KW_OPERATOR:
        types += 1
    elif paren + 2 < e and s.toks[paren + 2].kind == 40 and s.lang != LANG_DART:
        if not body or not s.toks[paren].in_len or scope != SC_FILE:
            return -1  # a pointer to a function
        t.start = s.toks[paren].in_start  # int (name)(…) { … }
        t.len = s.toks[paren].in_len
        t.line = s.toks[paren].in_line
        return emit_token(s, &t, KIND_FUNCTION, visibility(s, b, name))
    if is_control(s.lang, t.kw):
        return -1
    flags = visibility(s, b, name)
    if not body:
        flags |= DEF_DECLARATION
    if types == 0:
        if scope == SC_TYPE and s.lang != LANG_C:
            if s.lang == LANG_DART and name > b + 0 and s.toks[name - 1].kind == 46:
                pass
            elif not _owner_name(s, &t):
                if not (body and s.lang == LANG_DART):
                    return -1
        elif not body:
            return -1
        elif is_capital(s, &t) and s.toks[paren].in_len and (s.lang == LANG_C or s.lang == LANG_CPP):
            # SYSCALL_DEFINE3(read, …), TEST(Suite, Name)
            _macro_argument(s, &s.toks[name], &s.toks[paren], &t)
            return emit_token(s, &t, KIND_FUNCTION, flags)
        elif s.lang == LANG_JAVA or s.lang == LANG_CSHARP:
            return -1
    if not body and scope == SC_FILE and s.lang == LANG_C and is_capital(s, &t):
        return -1
    if s.lang == LANG_C or s.lang == LANG_CPP:
        full_name(s, b, name, paren, &t)
    elif s.toks[name].kw == KW_OPERATOR:
        t.len = s.toks[paren - 1].start + s.toks[paren - 1].len - t.start
    elif s.lang == LANG_DART and name > b + 1 and s.toks[name - 1].kind == 46 \
            and s.toks[name - 2].kind == TK_IDENT and s.toks[name - 2].line == t.line:
        t.len += t.start - s.toks[name - 2].start
        t.start = s.toks[name - 2].start
    return emit_token(s, &t, KIND_FUNCTION, exported_name(s, &t, flags))


cdef inline int32_t c_typedef(Scan* s) noexcept nogil:
    """`typedef … name;`"""
    cdef uint32_t b = s.base, e = s.ntok, i
    cdef Token t
    cdef int nesting = 0
    for i in range(b + 1, e):
        if s.toks[i].kind == 60:
            nesting += 1
        elif s.toks[i].kind == 62:
            nesting -= 1
        elif s.toks[i].kind == 44 and nesting <= 0:
            e = i
            break
    while e > b + 1:
        if s.toks[e - 1].kind == 93 and e > b + 2:
            e -= 2
        elif s.toks[e - 1].kind == 41 and e > b + 3 and s.toks[e - 3].kind == TK_IDENT \
                and is_attribute(s, &s.toks[e - 3]):
            e -= 3
        elif s.toks[e - 1].kind == TK_IDENT and s.toks[e - 1].len > 2 and s.text[s.toks[e - 1].start] == 95 \
                and s.text[s.toks[e - 1].start + 1] == 95 and s.toks[e - 2].kind == TK_IDENT:
            e -= 1  # name __packed
        else:
            break
    if e < b + 2:
        return -1
    t = s.toks[e - 1]
    if t.kind == 41 and e >= b + 4:
        if s.toks[e - 3].kind == 41 and s.toks[e - 4].in_len:  # typedef int (*name)(…)
            t.start = s.toks[e - 4].in_start
            t.len = s.toks[e - 4].in_len
            t.line = s.toks[e - 4].in_line
        else:
            t = s.toks[e - 3]
            if t.kind != TK_IDENT:
                return -1
    elif t.kind != TK_IDENT:
        return -1
    return emit_token(s, &t, KIND_TYPE, DEF_EXPORTED)


cdef inline int32_t c_variable(Scan* s) noexcept nogil:
    """The statement has met `=`: a variable that is not local, or an alias."""
    cdef uint32_t b = s.base, e = s.ntok, i
    cdef uint32_t words = 0
    cdef Token t
    cdef int kind = KIND_VARIABLE
    if e < b + 2:
        return -1
    if s.lang == LANG_CPP and (s.toks[b].kw == KW_USING or s.toks[b].kw == KW_CONCEPT):
        t = s.toks[b + 1]
        return emit_token(s, &t, KIND_TYPE, DEF_EXPORTED) if t.kind == TK_IDENT else -1
    if s.lang == LANG_JAVA or s.lang == LANG_CSHARP or (s.lang == LANG_DART and top_scope(s).kind == SC_TYPE):
        if not (has_word(s, b, e, KW_STATIC) and (has_word(s, b, e, KW_FINAL) or has_word(s, b, e, KW_READONLY))) \
                and not has_word(s, b, e, KW_CONST):
            return -1
        kind = KIND_CONSTANT
    elif top_scope(s).kind == SC_TYPE:
        return -1
    while e > b + 1:
        if s.toks[e - 1].kind == 93 and e > b + 2:
            e -= 2
        elif s.toks[e - 1].kind == 41 and e > b + 3 and s.toks[e - 3].kind == TK_IDENT \
                and is_attribute(s, &s.toks[e - 3]):
            e -= 3
        elif s.toks[e - 1].kind == TK_IDENT and s.toks[e - 1].len > 3 and s.text[s.toks[e - 1].start] == 95 \
                and s.text[s.toks[e - 1].start + 1] == 95 and s.toks[e - 2].kind == TK_IDENT:
            e -= 1  # name __initdata
        else:
            break
    for i in range(b, e):
        if s.toks[i].kind == TK_IDENT:
            if is_control(s.lang, s.toks[i].kw) and not _super_bound(s, i) \
                    and not (s.toks[i].kw == KW_NEW and s.lang == LANG_CSHARP) \
                    or s.toks[i].kw == KW_OPERATOR or s.toks[i].kw == KW_TYPEDEF or s.toks[i].kw == KW_NAMESPACE:
                return -1
            if s.toks[i].kw == KW_CONST or s.toks[i].kw == KW_CONSTEXPR or s.toks[i].kw == KW_FINAL:
                kind = KIND_CONSTANT
            words += 1
        elif s.toks[i].kind == 46 and s.lang != LANG_JAVA and s.lang != LANG_CSHARP:
            return -1
        elif s.toks[i].kind == TK_THIN:
            return -1
    t = s.toks[e - 1]
    if t.kind == 41:
        if e < b + 5 or s.toks[e - 3].kind != 41 or not s.toks[e - 4].in_len:
            return -1
        t.start = s.toks[e - 4].in_start
        t.len = s.toks[e - 4].in_len
        t.line = s.toks[e - 4].in_line
    elif t.kind != TK_IDENT or words < 2 or is_control(s.lang, t.kw) or s.modifier[t.kw]:
        return -1
    return emit_token(s, &t, kind, exported_name(s, &t, visibility(s, b, e)))


cdef inline bint _has_equals(Scan* s, uint32_t b, uint32_t e) noexcept nogil:
    """Whether there is a `=` that is not part of a name."""
    cdef uint32_t i
    for i in range(b, e):
        if s.toks[i].kind == 61 and not (i > b and s.toks[i - 1].kw == KW_OPERATOR):
            return True
    return False


cdef inline void unwind_keeping(Scan* s) noexcept nogil:
    """Close everything that is open; the statement read so far is kept."""
    cdef uint32_t b = s.base, n = s.ntok - s.base, i
    s.overflow = 0
    while s.depth > 0:
        s.base = s.scopes[s.depth].base
        s.depth -= 1
    s.base = 0
    for i in range(n):
        s.toks[i] = s.toks[b + i]
    s.ntok = n
    s.state = ST_START
    s.stmt_def = -1


cdef inline bint _anonymous_class(Scan* s) noexcept nogil:
    """Whether the statement ends with `new Name(…)`."""
    cdef uint32_t b = s.base, i = s.ntok
    if i < b + 4 or s.toks[i - 1].kind != 41:
        return False
    i -= 2
    while i > b and (s.toks[i - 1].kind == TK_IDENT or s.toks[i - 1].kind == 46 or s.toks[i - 1].kind == 60
                     or s.toks[i - 1].kind == 62 or s.toks[i - 1].kind == 44 or s.toks[i - 1].kind == 63
                     or s.toks[i - 1].kind == 91 or s.toks[i - 1].kind == 93):
        i -= 1
        if s.toks[i].kw == KW_NEW:
            return True
    return False


cdef inline bint _enum_constant(Scan* s, uint32_t b, uint32_t e) noexcept nogil:
    """Whether the statement is `A, B, C(…)`: constants, the last of them with a body."""
    cdef uint32_t i = e
    if s.toks[i - 1].kind == 41 and i >= b + 3:
        i -= 2
    if s.toks[i - 1].kind != TK_IDENT or is_control(s.lang, s.toks[i - 1].kw) or s.modifier[s.toks[i - 1].kw] \
            or _owner_name(s, &s.toks[i - 1]):
        return False
    return i == b + 1 or s.toks[i - 2].kind == 44 or s.toks[i - 2].kind == 125


cdef inline void c_open_brace(Scan* s) noexcept nogil:
    """`{` (not kept yet): what it opens, and the definition it completes."""
    cdef uint32_t b = s.base, e = s.ntok, name = 0
    cdef Scope* sc = top_scope(s)
    cdef int kind
    cdef int32_t d = sc.owner
    cdef bint found = False
    cdef int last = s.toks[e - 1].kind if e > b else 0
    if sc.kind == SC_OPAQUE:
        open_scope(s, 123, SC_OPAQUE, d, False)
        return
    if s.lang == LANG_C and sc.kind == SC_FUNC and s.first and e > b and last == 41 \
            and s.text[s.out.line_start[s.tok.line]] == 123 and s.toks[b].start == s.out.line_start[s.toks[b].line] \
            and not is_control(s.lang, s.toks[b].kw):
        # a function at the left margin inside another one: a brace was lost before (#if), so this is the outermost
        unwind_keeping(s)
        b = s.base
        e = s.ntok
        sc = top_scope(s)
        d = sc.owner
    if e == b:
        if s.knr_len and sc.kind == SC_FILE:
            d = emit(s, s.knr_name, s.knr_len, s.knr_line, s.knr_first, KIND_FUNCTION, DEF_EXPORTED, d)
            open_scope(s, 123, SC_FUNC, d if d >= 0 else sc.owner, False)
            s.knr_len = 0
            return
        open_scope(s, 123, SC_FUNC, d, False)
        return
    s.knr_len = 0
    if s.lang == LANG_JAVA and e == b + 1 and s.toks[b].kw == KW_STATIC:  # static { … }
        open_scope(s, 123, SC_FUNC, d, False)
        return
    if s.lang == LANG_JAVA and (_anonymous_class(s) or sc.kind == SC_TYPE and not _has_equals(s, b, e) and d >= 0
                                and s.out.defs[d].kind == KIND_ENUM and _enum_constant(s, b, e)):
        open_scope(s, 123, SC_TYPE, d, True)
        return
    if s.stmt_def >= 0 and s.state == ST_NAMED:  # = { … }, => { … }
        open_scope(s, 123, SC_OPAQUE, d, True)
        return
    if sc.kind != SC_PAREN:
        kind = type_definition(s, b, e, &name, &found)
        if kind and not (found and _has_equals(s, b, e)):
            if found:
                d = _emit_type(s, b, name, kind, visibility(s, b, e))
                if d < 0:
                    d = sc.owner
            if kind == KIND_MODULE:
                open_scope(s, 123, SC_NAMESPACE, d, False)
            elif s.lang == LANG_C or s.lang == LANG_CPP:
                open_scope(s, 123, SC_OPAQUE if kind == KIND_ENUM else SC_TYPE, d, True)
                top_scope(s).hidden = kind == KIND_CLASS
            else:
                open_scope(s, 123, SC_TYPE, d, False)
            return
    if sc.kind == SC_FILE or sc.kind == SC_NAMESPACE or sc.kind == SC_TYPE:
        if s.toks[b].kw == KW_EXTERN and e == b + 2 and s.toks[b + 1].kind == TK_STRING:
            open_scope(s, 123, SC_NAMESPACE, d, False)
            return
        if not _has_equals(s, b, e):
            d = c_function(s, True)
            if d >= 0:
                open_scope(s, 123, SC_FUNC, d, False)
                return
            d = sc.owner
            if s.lang == LANG_CSHARP and sc.kind == SC_TYPE and e > b + 1 and last == TK_IDENT \
                    and not is_control(s.lang, s.toks[e - 1].kw) and not s.modifier[s.toks[e - 1].kw] \
                    and s.toks[e - 1].kw != KW_CLASS and s.toks[e - 1].kw != KW_STRUCT:
                d = emit_token(s, &s.toks[e - 1], KIND_VARIABLE, visibility(s, b, e))  # a property
                open_scope(s, 123, SC_FUNC, d if d >= 0 else sc.owner, False)
                return
            if s.lang == LANG_CSHARP and last == 93 and has_word(s, b, e, KW_THIS):
                open_scope(s, 123, SC_FUNC, d, False)  # an indexer
                return
            if s.lang == LANG_CPP and (last == 93 or last == TK_IDENT) \
                    and (has_word(s, b, e, KW_CONSTEXPR) or has_word(s, b, e, KW_CONST)):
                d = c_variable(s)  # constexpr type name{…};
                if d >= 0:
                    s.stmt_def = d
                    s.state = ST_NAMED
                d = sc.owner
        if last == 61 or last == 93 or last == TK_IDENT or last == 62:
            open_scope(s, 123, SC_OPAQUE, d, True)
            return
    elif last == 61 or last == 93:
        open_scope(s, 123, SC_OPAQUE, d, True)
        return
    open_scope(s, 123, SC_FUNC, d, sc.kind == SC_PAREN)


cdef inline void c_semicolon(Scan* s) noexcept nogil:
    """`;` ends a statement outside of bodies."""
    cdef uint32_t b = s.base, e = s.ntok, name = 0, paren = 0
    cdef Scope* sc = top_scope(s)
    cdef bint found = False
    cdef int kind
    if e == b or s.stmt_def >= 0:
        return
    if s.lang == LANG_C or s.lang == LANG_CPP:
        if s.toks[b].kw == KW_TYPEDEF:
            c_typedef(s)
            return
        if s.lang == LANG_C and sc.kind == SC_TYPE:
            return
        if sc.kind == SC_FILE and find_params(s, b, e, &name, &paren) and paren + 3 < e \
                and s.toks[paren + 2].kind == TK_IDENT and not is_attribute(s, &s.toks[paren + 2]) \
                and s.toks[e - 1].kind != 41 and s.lang == LANG_C:
            s.knr_name = s.toks[name].start
            s.knr_len = s.toks[name].len
            s.knr_line = s.toks[name].line
            s.knr_first = s.toks[b].line
            return
        if s.toks[b].kw == KW_FRIEND or s.toks[b].kw == KW_USING:
            return
    else:
        kind = type_definition(s, b, e, &name, &found)
        if kind and found:
            s.stmt_def = _emit_type(s, b, name, kind, visibility(s, b, e))
            return
    if s.lang == LANG_CSHARP and has_word(s, b, e, KW_DELEGATE) and find_params(s, b, e, &name, &paren):
        emit_token(s, &s.toks[name], KIND_TYPE, visibility(s, b, e))
        return
    if s.lang == LANG_DART and s.toks[b].kw == KW_TYPEDEF:
        return
    if s.lang == LANG_JAVA and sc.kind == SC_FILE:
        return
    if s.toks[e - 1].kind == 125:
        return
    c_function(s, False)


cdef inline void c_word(Scan* s) noexcept nogil:
    """One identifier of a language of this family."""
    if top_scope(s).kind != SC_OPAQUE:
        keep_token(s)


cdef inline void c_token(Scan* s) noexcept nogil:
    """One token of a language of this family."""
    cdef int k = s.tok.kind
    cdef Scope* sc = top_scope(s)
    cdef int32_t d
    cdef bint declared
    if k == TK_IDENT:
        c_word(s)
    elif k == 40 or k == 91:
        keep_token(s)
        open_scope(s, <uint8_t>k, SC_PAREN if sc.kind != SC_OPAQUE else SC_OPAQUE, sc.owner, True)
    elif k == 41 or k == 93:
        close_scope(s, <uint8_t>k)
    elif k == 123:
        c_open_brace(s)
    elif k == 125:
        if s.first and s.lang == LANG_C and s.depth > 1 and s.tok.start == s.out.line_start[s.tok.line]:
            # a brace at the left margin closes what was opened at the left margin
            while s.depth > 1 and (s.scopes[s.depth].indent > 0 or s.scopes[s.depth].opener != 123):
                unwind(s, s.depth - 1)
        close_scope(s, 125)
    elif k == 59:
        if sc.kind == SC_FILE or sc.kind == SC_NAMESPACE or sc.kind == SC_TYPE:
            c_semicolon(s)
        reset_statement(s)
    elif sc.kind == SC_OPAQUE:
        if k == 44:
            reset_statement(s)
    elif k == 58 and sc.kind == SC_TYPE and s.ntok > s.base and s.ntok <= s.base + 2 and s.lang == LANG_CPP \
            and (s.toks[s.base].kw == KW_PUBLIC or s.toks[s.base].kw == KW_PRIVATE
                 or s.toks[s.base].kw == KW_PROTECTED):
        sc.hidden = s.toks[s.base].kw != KW_PUBLIC
        reset_statement(s)
    elif k == 61:
        if s.state == ST_START and at_declarations(s):
            d = c_variable(s)
            s.state = ST_OTHER
            if d >= 0:
                s.stmt_def = d
                s.state = ST_NAMED
        keep_token(s)
    elif k == TK_ARROW:
        declared = sc.kind == SC_TYPE or (sc.kind == SC_FILE and s.lang == LANG_DART)
        if s.stmt_def < 0 and declared and s.state == ST_START and (s.lang == LANG_CSHARP or s.lang == LANG_DART):
            d = c_function(s, True)
            if d < 0 and s.ntok > s.base + 1 and s.toks[s.ntok - 1].kind == TK_IDENT:
                d = emit_token(s, &s.toks[s.ntok - 1], KIND_VARIABLE if s.lang == LANG_CSHARP else KIND_FUNCTION,
                               visibility(s, s.base, s.ntok))
            if d >= 0:
                s.stmt_def = d
                s.state = ST_NAMED
        keep_token(s)
    else:
        keep_token(s)
