# cython: language_level=3
"""The heads of functions and types of C, C++, C#, Java and Dart, found among the tokens of a statement; and the
preprocessor."""
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp
from _core.languages cimport *
from _core.outline_words cimport *
from _core.outline_base cimport *
from _core.outline_scopes cimport top_scope, angles_end, unwind
from _core.outline_strings cimport line_end
from _core.outline_lex cimport directive_end


cdef inline bint is_attribute(Scan* s, const Token* t) noexcept nogil:
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


cdef inline bint is_control(int lang, int kw) noexcept nogil:
    """A word that begins a statement of a body; what is one in another language only may name a function."""
    if lang == LANG_JAVA:
        return (kw == KW_IF or kw == KW_FOR or kw == KW_WHILE or kw == KW_SWITCH or kw == KW_RETURN or kw == KW_ELSE
                or kw == KW_DO or kw == KW_TRY or kw == KW_CATCH or kw == KW_NEW or kw == KW_CASE or kw == KW_THROW
                or kw == KW_SYNCHRONIZED or kw == KW_ASSERT or kw == KW_THIS or kw == KW_SUPER or kw == KW_IMPORT)
    return (kw == KW_IF or kw == KW_FOR or kw == KW_WHILE or kw == KW_SWITCH or kw == KW_RETURN or kw == KW_SIZEOF
            or kw == KW_CATCH or kw == KW_ELSE or kw == KW_DO or kw == KW_TRY or kw == KW_NEW or kw == KW_DELETE
            or kw == KW_FOREACH or kw == KW_LOCK or kw == KW_USING or kw == KW_SYNCHRONIZED or kw == KW_GOTO
            or kw == KW_CASE or kw == KW_THROW or kw == KW_AWAIT or kw == KW_YIELD or kw == KW_WHEN or kw == KW_ASSERT
            or kw == KW_BASE or kw == KW_THIS or kw == KW_SUPER or kw == KW_IMPORT or kw == KW_CO_RETURN)


cdef inline bint is_capital(Scan* s, const Token* t) noexcept nogil:
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
    cdef uint32_t i = b, j
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
            if is_control(s.lang, last.kw):
                return False
            if is_attribute(s, last):
                i += 2
                continue
            if not typed and i + 2 < e:
                # MACRO(x) type name(…): the name comes later
                j = i + 2
                while j < e and (s.toks[j].kind == TK_IDENT or s.toks[j].kind == 42 or s.toks[j].kind == TK_SCOPE
                                 or s.toks[j].kind == 38):
                    j += 1
                if j > i + 3 - (s.lang == LANG_CPP) and j < e and s.toks[j].kind == 40 \
                        and s.toks[j - 1].kind == TK_IDENT and not is_attribute(s, &s.toks[j - 1]) \
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


cdef inline void full_name(Scan* s, uint32_t b, uint32_t name, uint32_t paren, Token* out) noexcept nogil:
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


cdef inline bint has_word(Scan* s, uint32_t b, uint32_t e, int kw) noexcept nogil:
    cdef uint32_t i
    for i in range(b, e):
        if s.toks[i].kw == kw:
            return True
    return False


cdef inline int visibility(Scan* s, uint32_t b, uint32_t e) noexcept nogil:
    """DEF_EXPORTED or 0, from the modifiers b..e and the scope."""
    cdef uint32_t i
    cdef int kw
    cdef Scope* sc = top_scope(s)
    if s.lang == LANG_C or s.lang == LANG_CPP:
        if sc.kind == SC_TYPE:
            return 0 if sc.hidden else DEF_EXPORTED
        return 0 if has_word(s, b, e, KW_STATIC) else DEF_EXPORTED
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


cdef inline int exported_name(Scan* s, const Token* t, int flags) noexcept nogil:
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
        if i + 1 < e and s.toks[i + 1].kind == 40 and is_attribute(s, &s.toks[i]):
            i += 3
        elif s.modifier[kw] or kw == KW_TYPEDEF or kw == KW_BASE:
            i += 1
        elif s.toks[i].kind == TK_IDENT and s.lang == LANG_CPP and is_capital(s, &s.toks[i]):
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
            if not is_attribute(s, &s.toks[i]) and not is_capital(s, &s.toks[i]):
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
            and s.toks[j + 1].kw != KW_FINAL and not is_attribute(s, &s.toks[j + 1]) \
            and not (s.toks[j + 1].kind == TK_IDENT and j + 2 >= e):
        return 0
    return kind


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
    s.pos = directive_end(s, p)
