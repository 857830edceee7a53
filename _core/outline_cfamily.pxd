# cython: language_level=3
"""C, C++, C#, Java, Dart: a function is `type name(…)` before a body; the statement read so far is looked at when it
meets `{`, `;`, `=` or `=>`."""
from libc.stdint cimport uint8_t, uint32_t, int32_t
from libc.string cimport memcmp
from _core.languages cimport *
from _core.outline_words cimport *
from _core.outline_base cimport *
from _core.outline_scopes cimport (
    open_scope, close_scope, top_scope, reset_statement, keep_token, angles_end, emit_token, at_declarations, unwind)
from _core.outline_strings cimport line_end
from _core.outline_lex cimport _directive_end


cdef inline bint _is_attribute(Scan* s, const Token* t) noexcept nogil:
    """A word that takes arguments and says nothing about the name."""
    if t.kw:
        return (t.kw == KW_GNU_ATTRIBUTE or t.kw == KW_GNU_DECLSPEC or t.kw == KW_ALIGNAS or t.kw == KW_DECLTYPE
                or t.kw == KW_NOEXCEPT or t.kw == KW_EXPLICIT or t.kw == KW_REQUIRES or t.kw == KW_THROW
                or t.kw == KW_ASM or t.kw == KW_GNU_ASM or t.kw == KW_TYPEOF)
    return t.len > 4 and s.text[t.start] == 95 and s.text[t.start + 1] == 95 and 97 <= s.text[t.start + 2] <= 122 \
        and (token_is(s, t, b"__printf") or token_is(s, t, b"__aligned") or token_is(s, t, b"__section")
             or token_is(s, t, b"__declspec") or token_is(s, t, b"__typeof__") or token_is(s, t, b"__scanf")
             or token_is(s, t, b"__acquires") or token_is(s, t, b"__releases") or token_is(s, t, b"__must_hold")
             or token_is(s, t, b"__init_or_module"))


cdef inline bint _is_control(int kw) noexcept nogil:
    return (kw == KW_IF or kw == KW_FOR or kw == KW_WHILE or kw == KW_SWITCH or kw == KW_RETURN or kw == KW_SIZEOF
            or kw == KW_CATCH or kw == KW_ELSE or kw == KW_DO or kw == KW_TRY or kw == KW_NEW or kw == KW_DELETE
            or kw == KW_FOREACH or kw == KW_LOCK or kw == KW_USING or kw == KW_SYNCHRONIZED or kw == KW_GOTO
            or kw == KW_CASE or kw == KW_THROW or kw == KW_AWAIT or kw == KW_YIELD or kw == KW_WHEN or kw == KW_ASSERT
            or kw == KW_BASE or kw == KW_THIS or kw == KW_SUPER or kw == KW_IMPORT or kw == KW_CO_RETURN)


cdef inline bint _is_capital(Scan* s, const Token* t) noexcept nogil:
    """Written in capitals, as macros are."""
    cdef uint32_t i
    if t.len < 3:
        return False
    for i in range(t.start, t.start + t.len):
        if 97 <= s.text[i] <= 122:
            return False
    return True


cdef inline bint find_params(Scan* s, uint32_t b, uint32_t e, uint32_t* name, uint32_t* paren) noexcept nogil:
    """The parameter list of the function that the tokens b..e declare: where its `(` is and where its name begins."""
    cdef uint32_t i = b, j, k
    cdef Token* t
    cdef Token* last
    cdef bint typed = False
    while i < e:
        t = &s.toks[i]
        if t.kind == 61 or t.kind == TK_OP and not (i > b and s.toks[i - 1].kw == KW_OPERATOR):
            return False
        if t.kind == 58 or t.kind == 123:
            return False
        if t.kw == KW_OPERATOR and s.lang != LANG_JAVA:
            j = i + 1
            if j + 1 < e and s.toks[j].kind == 40:  # operator()
                j += 2
            while j < e and s.toks[j].kind != 40:
                j += 1
            if j >= e:
                return False
            name[0] = i
            paren[0] = j
            return True
        if t.kind == 60:
            j = angles_end(s, i, e)
            if j == i:
                i += 1
                continue
            if j < e and s.toks[j].kind == 40 and i > b and s.toks[i - 1].kind == TK_IDENT and (typed or i > b + 1):
                name[0] = i - 1
                paren[0] = j
                return True
            i = j
            continue
        if t.kind == 40:
            if i == b or s.toks[i - 1].kind != TK_IDENT:
                i += 2
                continue
            last = &s.toks[i - 1]
            if _is_control(last.kw):
                return False
            if _is_attribute(s, last):
                i += 2
                continue
            if not typed and i + 2 < e:
                # MACRO(x) type name(…): the name comes later
                j = i + 2
                while j < e and (s.toks[j].kind == TK_IDENT or s.toks[j].kind == 42 or s.toks[j].kind == TK_SCOPE
                                 or s.toks[j].kind == 38):
                    j += 1
                if j > i + 3 - (s.lang == LANG_CPP) and j < e and s.toks[j].kind == 40 \
                        and s.toks[j - 1].kind == TK_IDENT and not _is_attribute(s, &s.toks[j - 1]) \
                        and s.toks[i + 2].kw != KW_CONST and s.toks[i + 2].kw != KW_NOEXCEPT:
                    typed = True
                    i = j
                    continue
            name[0] = i - 1
            paren[0] = i
            return True
        if t.kind == TK_IDENT and not s.modifier[t.kw] and i + 1 < e and s.toks[i + 1].kind != 40:
            typed = True
        i += 1
    return False


cdef inline void _full_name(Scan* s, uint32_t b, uint32_t name, uint32_t paren, Token* out) noexcept nogil:
    """The name with what qualifies it: `Foo::bar`, `~Foo`, `operator ==`."""
    cdef uint32_t i = name
    out[0] = s.toks[name]
    if s.toks[name].kw == KW_OPERATOR:
        out.len = s.toks[paren - 1].start + s.toks[paren - 1].len - out.start
    if i > b and s.toks[i - 1].kind == 126:
        i -= 1
    while i > b + 1 and s.toks[i - 1].kind == TK_SCOPE and s.toks[i - 2].kind == TK_IDENT:
        i -= 2
    if s.toks[i].line == out.line and i != name:
        out.len = out.start + out.len - s.toks[i].start
        out.start = s.toks[i].start


cdef inline bint _has_word(Scan* s, uint32_t b, uint32_t e, int kw) noexcept nogil:
    cdef uint32_t i
    for i in range(b, e):
        if s.toks[i].kw == kw:
            return True
    return False


cdef inline int _visibility(Scan* s, uint32_t b, uint32_t e) noexcept nogil:
    """DEF_EXPORTED or 0, from the modifiers b..e and the scope."""
    cdef uint32_t i
    cdef int kw
    cdef Scope* sc = top_scope(s)
    if s.lang == LANG_C or s.lang == LANG_CPP:
        if sc.kind == SC_TYPE:
            return 0 if sc.hidden else DEF_EXPORTED
        return 0 if _has_word(s, b, e, KW_STATIC) else DEF_EXPORTED
    if s.lang == LANG_DART:
        return DEF_EXPORTED
    for i in range(b, e):
        kw = s.toks[i].kw
        if kw == KW_PUBLIC:
            return DEF_EXPORTED
        if kw == KW_PRIVATE or kw == KW_PROTECTED or kw == KW_INTERNAL:
            return 0
    if sc.owner >= 0 and s.out.defs[sc.owner].kind == KIND_INTERFACE:
        return s.out.defs[sc.owner].flags & DEF_EXPORTED
    return 0


cdef inline int _exported_name(Scan* s, const Token* t, int flags) noexcept nogil:
    return 0 if s.lang == LANG_DART and s.text[t.start] == 95 else flags


cdef inline int _type_kind(int kw) noexcept nogil:
    if kw == KW_CLASS or kw == KW_RECORD: return KIND_CLASS
    elif kw == KW_STRUCT: return KIND_STRUCT
    elif kw == KW_ENUM: return KIND_ENUM
    elif kw == KW_UNION: return KIND_TYPE
    elif kw == KW_INTERFACE: return KIND_INTERFACE
    elif kw == KW_NAMESPACE: return KIND_MODULE
    elif kw == KW_MIXIN: return KIND_TRAIT
    elif kw == KW_EXTENSION: return KIND_IMPL
    return 0


cdef inline bint _type_word(Scan* s, int kw) noexcept nogil:
    if kw == KW_CLASS: return s.lang != LANG_C
    elif kw == KW_STRUCT: return s.lang == LANG_C or s.lang == LANG_CPP or s.lang == LANG_CSHARP
    elif kw == KW_UNION: return s.lang == LANG_C or s.lang == LANG_CPP
    elif kw == KW_ENUM: return True
    elif kw == KW_INTERFACE or kw == KW_RECORD: return s.lang == LANG_JAVA or s.lang == LANG_CSHARP
    elif kw == KW_NAMESPACE: return s.lang == LANG_CPP or s.lang == LANG_CSHARP
    elif kw == KW_MIXIN or kw == KW_EXTENSION: return s.lang == LANG_DART
    return False


cdef inline int type_definition(Scan* s, uint32_t b, uint32_t e, uint32_t* name, bint* found) noexcept nogil:
    """The kind of type whose head the tokens b..e are, 0 when they are something else; `found`: it has a name."""
    cdef uint32_t i = b, j
    cdef int kw, kind
    cdef bint managed = s.lang == LANG_JAVA or s.lang == LANG_CSHARP or s.lang == LANG_DART
    found[0] = False
    while i < e:
        kw = s.toks[i].kw
        if _type_word(s, kw):
            break
        if i + 1 < e and s.toks[i + 1].kind == 40 and _is_attribute(s, &s.toks[i]):
            i += 3
        elif s.modifier[kw] or kw == KW_TYPEDEF or kw == KW_BASE:
            i += 1
        elif s.toks[i].kind == TK_IDENT and s.lang == LANG_CPP and _is_capital(s, &s.toks[i]):
            i += 3 if i + 1 < e and s.toks[i + 1].kind == 40 else 1
        else:
            return 0
    if i >= e:
        return 0
    kw = s.toks[i].kw
    kind = _type_kind(kw)
    if kw == KW_RECORD and not (i + 1 < e and s.toks[i + 1].kind == TK_IDENT):
        return 0
    i += 1
    if i < e and (s.toks[i].kw == KW_CLASS or s.toks[i].kw == KW_STRUCT) and not kw == KW_CLASS:
        i += 1
    if kw == KW_NAMESPACE:
        if i < e and s.toks[i].kind == TK_IDENT:
            name[0] = i
            found[0] = True
        return kind
    while i < e:
        if s.toks[i].kind == TK_IDENT and i + 1 < e and s.toks[i + 1].kind == 40 and not managed:
            if not _is_attribute(s, &s.toks[i]) and not _is_capital(s, &s.toks[i]):
                return 0
            i += 3
        elif s.toks[i].kind == 91:
            i += 2
        else:
            break
    if i >= e:
        return kind
    if s.toks[i].kind == 58:
        return kind
    if s.toks[i].kind != TK_IDENT:
        return 0
    if kw == KW_EXTENSION and s.toks[i].kw == KW_ON:
        return kind
    j = i
    while not managed and j + 1 < e:
        if s.toks[j + 1].kind == TK_SCOPE and j + 2 < e and s.toks[j + 2].kind == TK_IDENT:
            j += 2
        elif s.toks[j + 1].kind == TK_IDENT and s.toks[j + 1].kw == KW_NONE and s.lang == LANG_CPP \
                and (j + 2 >= e or s.toks[j + 2].kind != 40):
            j += 1
            i = j
        else:
            break
    name[0] = j
    found[0] = True
    if not managed and j + 1 < e and s.toks[j + 1].kind != 58 and s.toks[j + 1].kind != 60 \
            and s.toks[j + 1].kw != KW_FINAL and not _is_attribute(s, &s.toks[j + 1]) \
            and not (s.toks[j + 1].kind == TK_IDENT and j + 2 >= e):
        return 0
    return kind


cdef inline int32_t _emit_type(Scan* s, uint32_t b, uint32_t name, int kind, int flags) noexcept nogil:
    cdef Token t = s.toks[name]
    cdef uint32_t j = name
    if kind == KIND_MODULE:  # a::b, a.b
        while j + 2 < s.ntok and (s.toks[j + 1].kind == TK_SCOPE or s.toks[j + 1].kind == 46) \
                and s.toks[j + 2].kind == TK_IDENT:
            j += 2
        t.len = s.toks[j].start + s.toks[j].len - t.start
    return emit_token(s, &t, kind, _exported_name(s, &t, flags))


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
            if _is_control(s.toks[i].kw) and not s.modifier[s.toks[i].kw] or s.toks[i].kw == KW_TYPEDEF:
                return -1
            if (not s.modifier[s.toks[i].kw] or s.toks[i].kw == KW_AUTO) and not _is_attribute(s, &s.toks[i]):
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
        return emit_token(s, &t, KIND_FUNCTION, _visibility(s, b, name))
    if _is_control(t.kw):
        return -1
    flags = _visibility(s, b, name)
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
        elif _is_capital(s, &t) and s.toks[paren].in_len and (s.lang == LANG_C or s.lang == LANG_CPP):
            # SYSCALL_DEFINE3(read, …), TEST(Suite, Name)
            _macro_argument(s, &s.toks[name], &s.toks[paren], &t)
            return emit_token(s, &t, KIND_FUNCTION, flags)
        elif s.lang == LANG_JAVA or s.lang == LANG_CSHARP:
            return -1
    if not body and scope == SC_FILE and s.lang == LANG_C and _is_capital(s, &t):
        return -1
    if s.lang == LANG_C or s.lang == LANG_CPP:
        _full_name(s, b, name, paren, &t)
    elif s.toks[name].kw == KW_OPERATOR:
        t.len = s.toks[paren - 1].start + s.toks[paren - 1].len - t.start
    elif s.lang == LANG_DART and name > b + 1 and s.toks[name - 1].kind == 46 \
            and s.toks[name - 2].kind == TK_IDENT and s.toks[name - 2].line == t.line:
        t.len += t.start - s.toks[name - 2].start
        t.start = s.toks[name - 2].start
    return emit_token(s, &t, KIND_FUNCTION, _exported_name(s, &t, flags))


cdef inline int32_t c_typedef(Scan* s) noexcept nogil:
    """`typedef … name;`"""
    cdef uint32_t b = s.base, e = s.ntok, i
    cdef Token t
    for i in range(b + 1, e):
        if s.toks[i].kind == 44:
            e = i
            break
    while e > b + 1:
        if s.toks[e - 1].kind == 93 and e > b + 2:
            e -= 2
        elif s.toks[e - 1].kind == 41 and e > b + 3 and s.toks[e - 3].kind == TK_IDENT \
                and _is_attribute(s, &s.toks[e - 3]):
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
        if not (_has_word(s, b, e, KW_STATIC) and (_has_word(s, b, e, KW_FINAL) or _has_word(s, b, e, KW_READONLY))) \
                and not _has_word(s, b, e, KW_CONST):
            return -1
        kind = KIND_CONSTANT
    elif top_scope(s).kind == SC_TYPE:
        return -1
    while e > b + 1:
        if s.toks[e - 1].kind == 93 and e > b + 2:
            e -= 2
        elif s.toks[e - 1].kind == 41 and e > b + 3 and s.toks[e - 3].kind == TK_IDENT \
                and _is_attribute(s, &s.toks[e - 3]):
            e -= 3
        elif s.toks[e - 1].kind == TK_IDENT and s.toks[e - 1].len > 3 and s.text[s.toks[e - 1].start] == 95 \
                and s.text[s.toks[e - 1].start + 1] == 95 and s.toks[e - 2].kind == TK_IDENT:
            e -= 1  # name __initdata
        else:
            break
    for i in range(b, e):
        if s.toks[i].kind == TK_IDENT:
            if _is_control(s.toks[i].kw) or s.toks[i].kw == KW_OPERATOR or s.toks[i].kw == KW_TYPEDEF \
                    or s.toks[i].kw == KW_NAMESPACE:
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
    elif t.kind != TK_IDENT or words < 2 or _is_control(t.kw) or s.modifier[t.kw]:
        return -1
    return emit_token(s, &t, kind, _exported_name(s, &t, _visibility(s, b, e)))


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
                     or s.toks[i - 1].kind == 62 or s.toks[i - 1].kind == 44 or s.toks[i - 1].kind == 63):
        i -= 1
        if s.toks[i].kw == KW_NEW:
            return True
    return False


cdef inline bint _enum_constant(Scan* s, uint32_t b, uint32_t e) noexcept nogil:
    """Whether the statement is `A, B, C(…)`: constants, the last of them with a body."""
    cdef uint32_t i = e
    if s.toks[i - 1].kind == 41 and i >= b + 3:
        i -= 2
    if s.toks[i - 1].kind != TK_IDENT or _is_control(s.toks[i - 1].kw) or s.modifier[s.toks[i - 1].kw] \
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
            and not _is_control(s.toks[b].kw):
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
                d = _emit_type(s, b, name, kind, _visibility(s, b, e))
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
            if s.lang == LANG_CSHARP and sc.kind == SC_TYPE and e > b + 1 and last == TK_IDENT and not s.toks[e - 1].kw:
                d = emit_token(s, &s.toks[e - 1], KIND_VARIABLE, _visibility(s, b, e))  # a property
                open_scope(s, 123, SC_FUNC, d if d >= 0 else sc.owner, False)
                return
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
                and s.toks[paren + 2].kind == TK_IDENT and not _is_attribute(s, &s.toks[paren + 2]) \
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
            s.stmt_def = _emit_type(s, b, name, kind, _visibility(s, b, e))
            return
    if s.lang == LANG_CSHARP and _has_word(s, b, e, KW_DELEGATE) and find_params(s, b, e, &name, &paren):
        emit_token(s, &s.toks[name], KIND_TYPE, _visibility(s, b, e))
        return
    if s.lang == LANG_DART and s.toks[b].kw == KW_TYPEDEF:
        return
    if s.lang == LANG_JAVA and sc.kind == SC_FILE:
        return
    if s.toks[e - 1].kind == 125:
        return
    c_function(s, False)


cdef inline bint _rest_is_empty(Scan* s, uint32_t p) noexcept nogil:
    while p < s.end and (s.text[p] == 32 or s.text[p] == 9 or s.text[p] == 13):
        p += 1
    return p >= s.end or s.text[p] == 10 or s.text[p] == 47


cdef inline void c_directive(Scan* s) noexcept nogil:
    """The token is the `#` of a preprocessor line: #define defines; #if, #else, #endif keep the brackets level."""
    cdef uint32_t p = s.pos, begin, n, name
    cdef uint8_t c
    while p < s.end and (s.text[p] == 32 or s.text[p] == 9):
        p += 1
    begin = p
    while p < s.end and s.cont[s.text[p]]:
        p += 1
    n = p - begin
    c = s.text[begin] if n else 0
    while p < s.end and (s.text[p] == 32 or s.text[p] == 9):
        p += 1
    name = p
    while p < s.end and s.cont[s.text[p]]:
        p += 1
    if c == 100 and n == 6 and p > name and s.lang != LANG_CSHARP:  # define
        if not (s.out.n_defs == 0 and p - name == s.guard_len and s.conds == 1
                and memcmp(s.text + name, s.text + s.guard_name, p - name) == 0 and _rest_is_empty(s, p)):
            emit(s, name, p - name, s.line, s.line, KIND_MACRO, DEF_EXPORTED, -1)
        s.guard_len = 0
    elif c == 105 and (n == 2 or n == 5 or n == 6) and s.text[begin + 1] == 102:  # if, ifdef, ifndef
        if s.conds < 64:
            s.cond[s.conds] = s.depth
        s.conds += 1
        if n == 6 and s.conds == 1:
            s.guard_name = name
            s.guard_len = p - name
    elif c == 101 and (n == 4 or n == 7) and s.text[begin + 1] == 108:  # else, elif, elifdef
        if 0 < s.conds <= 64 and s.overflow == 0:
            unwind(s, s.cond[s.conds - 1])
    elif c == 101 and n == 5 and s.text[begin + 1] == 110:  # endif
        if s.conds > 0:
            s.conds -= 1
    elif c == 101 or c == 119 or c == 114 or c == 112:  # error, warning, region, pragma
        s.pos = line_end(s, p)
        return
    s.pos = _directive_end(s, p)


cdef inline void c_token(Scan* s) noexcept nogil:
    """One token of a language of this family."""
    cdef int k = s.tok.kind
    cdef Scope* sc = top_scope(s)
    cdef int32_t d
    cdef bint declared
    if k == 40 or k == 91:
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
                               _visibility(s, s.base, s.ntok))
            if d >= 0:
                s.stmt_def = d
                s.state = ST_NAMED
        keep_token(s)
    else:
        keep_token(s)
