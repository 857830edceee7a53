# cython: language_level=3
"""Go, Rust, Kotlin, Swift, PHP, Zig, Protobuf: `modifiers keyword name`; and the loop for all languages of braces."""
from libc.stdint cimport uint8_t, uint32_t, int32_t
from _core.languages cimport *
from _core.outline_words cimport *
from _core.outline_base cimport *
from _core.outline_lex cimport next_token
from _core.outline_strings cimport skip_to
from _core.outline_scopes cimport (
    open_scope, close_scope, top_scope, reset_statement, keep_token, emit_token, at_declarations, scopes_init,
    skip_at_attribute, skip_bracket_attribute, skip_template, skip_balanced, attribute_begin)
from _core.outline_cfamily cimport c_token, c_word
from _core.outline_cheads cimport c_directive
from _core.outline_script cimport script_token, script_end, newline_ends, next_is_name


cdef inline int _flags(Scan* s, const Token* t) noexcept nogil:
    """DEF_EXPORTED or 0, by the rules of the language."""
    cdef uint8_t c = s.text[t.start]
    cdef int32_t owner = top_scope(s).owner
    if s.lang == LANG_GO:
        return DEF_EXPORTED if 65 <= c <= 90 else 0
    if s.lang == LANG_RUST:
        if owner >= 0 and s.exported == 0 and s.out.defs[owner].kind == KIND_TRAIT:
            return s.out.defs[owner].flags & DEF_EXPORTED
        return DEF_EXPORTED if s.exported == 1 or s.decl_kw == KW_MACRO_RULES else 0
    if s.lang == LANG_ZIG or s.lang == LANG_SWIFT:
        if owner >= 0 and s.exported == 0 and s.out.defs[owner].kind == KIND_INTERFACE:
            return s.out.defs[owner].flags & DEF_EXPORTED
        return DEF_EXPORTED if s.exported == 1 else 0
    return 0 if s.exported == 2 else DEF_EXPORTED


cdef inline bint _has(Scan* s, int kw) noexcept nogil:
    cdef uint32_t i
    for i in range(s.base, s.ntok):
        if s.toks[i].kw == kw:
            return True
    return False


cdef inline void _name(Scan* s, const Token* t, int kind) noexcept nogil:
    """The statement's definition has its name."""
    cdef Token quoted
    s.state = ST_NAMED
    if t.len == 1 and s.text[t.start] == 95:
        return
    if s.lang == LANG_ZIG and t.len == 1 and s.text[t.start] == 64:  # @"name"
        quoted = t[0]
        quoted.start += 2
        quoted.len = 0
        while quoted.start + quoted.len < s.end and s.text[quoted.start + quoted.len] != 34 \
                and s.text[quoted.start + quoted.len] != 10:
            quoted.len += 1
        s.stmt_def = emit_token(s, &quoted, kind, _flags(s, &quoted))
        return
    if kind == KIND_CLASS and s.lang == LANG_KOTLIN and _has(s, KW_ENUM):
        kind = KIND_ENUM
    s.stmt_def = emit_token(s, t, kind, _flags(s, t))


cdef inline void _property_name(Scan* s, Token* t) noexcept nogil:
    """Kotlin, `val` or `var`: the token `t` begins `<T> A.B<C>?.name`; make it the name."""
    cdef uint32_t p = t.start, angles = 0, begin
    cdef uint32_t stop = p + 400 if s.end - p > 400 else s.end
    cdef uint8_t c
    cdef bint dot = True
    while p < stop:
        c = s.text[p]
        if c == 60:
            angles += 1
        elif c == 62:
            if angles == 0:
                return
            angles -= 1
            if dot:
                while p + 1 < stop and s.text[p + 1] == 32:
                    p += 1
        elif s.cls[c] == 3 and angles == 0:
            if not dot:
                return
            begin = p
            while p < stop and s.cont[s.text[p]]:
                p += 1
            t.kind = TK_IDENT
            t.start = begin
            t.len = p - begin
            dot = False
            continue
        elif c == 46:
            dot = True
        elif not (angles and c != 10 or c == 63):
            return
        p += 1


cdef inline void _impl(Scan* s) noexcept nogil:
    """Rust: `impl<T> Trait for Type<T> where …` is named by the type."""
    cdef uint32_t b = s.base, e = s.ntok, i, nesting = 0
    cdef uint32_t name = 0
    cdef bint found = False, named = False, seen_impl = False
    for i in range(b, e):
        if s.toks[i].kw == KW_IMPL and not seen_impl:
            seen_impl = True
        elif s.toks[i].kind == 60:
            nesting += 1
        elif s.toks[i].kind == 62:
            nesting -= 1 if nesting else 0
        elif nesting:
            continue
        elif s.toks[i].kw == KW_WHERE:
            break
        elif s.toks[i].kw == KW_FOR and i + 1 < e and s.toks[i + 1].kind != 60:
            found = False
        elif s.toks[i].kind == TK_IDENT and seen_impl and s.toks[i].kw != KW_CONST and s.toks[i].kw != KW_MUT \
                and s.toks[i].kw != KW_DYNAMIC and not token_is(s, &s.toks[i], b"dyn"):
            if not found or s.toks[i - 1].kind == TK_SCOPE:
                name = i
                found = True
                named = True
    if named:  # by the trait when the type has no name: impl Trait for [u8]
        s.stmt_def = emit_token(s, &s.toks[name], KIND_IMPL, 0)


cdef inline bint _container(int kw) noexcept nogil:
    return kw == KW_STRUCT or kw == KW_ENUM or kw == KW_UNION or kw == KW_OPAQUE


cdef inline bint _container_last(Scan* s) noexcept nogil:
    """Zig: whether the statement ends with `struct`, `enum(u8)` or the like."""
    cdef uint32_t e = s.ntok
    if e > s.base and _container(s.toks[e - 1].kw):
        return True
    return e > s.base + 2 and s.toks[e - 1].kind == 41 and _container(s.toks[e - 3].kw)


cdef inline void _word(Scan* s) noexcept nogil:
    """An identifier or a keyword."""
    cdef int kw = s.tok.kw
    cdef Scope* sc = top_scope(s)
    cdef Token* last = &s.toks[s.ntok - 1] if s.ntok > s.base else NULL
    cdef int kind
    cdef Definition* d
    cdef uint32_t i
    cdef Token name
    if last != NULL and (last.kind == 46 or last.kind == TK_SCOPE):
        if s.state == ST_NAMED and s.stmt_def >= 0 and last.kind == 46:
            d = &s.out.defs[s.stmt_def]
            if (d.kind == KIND_MODULE or d.kind == KIND_IMPL) and d.name + d.name_len == last.start \
                    and last.start + 1 == s.tok.start:
                d.name_len = <uint16_t>(d.name_len + s.tok.len + 1)
    elif s.state == ST_START:
        if s.decl[kw]:
            if (kw == KW_UNION or kw == KW_MACRO or kw == KW_AUTO or kw == KW_ENUM or kw == KW_ACTOR
                    or kw == KW_MESSAGE or kw == KW_EXTENSION or kw == KW_PROTOCOL) and not next_is_name(s):
                s.state = ST_OTHER
            elif kw == KW_CONSTRUCTOR or kw == KW_INIT or kw == KW_DEINIT or kw == KW_SUBSCRIPT:
                s.decl_kw = <uint16_t>kw
                s.state = ST_OTHER
                if sc.kind == SC_TYPE:
                    keep_token(s)
                    _name(s, &s.tok, KIND_METHOD)
                    return
            elif kw == KW_IMPL:
                s.state = ST_OTHER
                s.decl_kw = KW_IMPL
            else:
                s.state = ST_DECL
                s.decl_kw = <uint16_t>kw
        elif s.modifier[kw]:
            if kw == KW_PUB or kw == KW_PUBLIC or kw == KW_OPEN or kw == KW_EXPORT:
                s.exported = 1
            elif kw == KW_PRIVATE or kw == KW_PROTECTED or kw == KW_INTERNAL or kw == KW_FILEPRIVATE:
                s.exported = 2
        else:
            s.state = ST_OTHER
    elif s.state == ST_DECL:
        if s.lang == LANG_RUST and (s.decl_kw == KW_CONST or s.decl_kw == KW_STATIC):
            if kw == KW_FN:
                s.decl_kw = KW_FN
                keep_token(s)
                return
            if s.modifier[kw] or kw == KW_MUT or kw == KW_REF or kw == KW_TRAIT or kw == KW_IMPL:
                if kw == KW_IMPL:
                    s.state = ST_OTHER
                    s.decl_kw = KW_IMPL
                elif kw == KW_TRAIT:
                    s.decl_kw = KW_TRAIT
                keep_token(s)
                return
        elif s.decl_kw == KW_CLASS and s.lang == LANG_SWIFT and (kw == KW_FUNC or kw == KW_VAR or kw == KW_LET):
            s.decl_kw = <uint16_t>kw
            keep_token(s)
            return
        elif s.decl_kw == KW_FUN:
            if kw == KW_INTERFACE:
                s.decl_kw = KW_INTERFACE
            keep_token(s)
            return
        elif s.decl_kw == KW_FUNC and s.lang == LANG_SWIFT and last != NULL and last.kw != KW_FUNC:
            keep_token(s)  # func &&<T>(…)
            return
        kind = s.decl[s.decl_kw]
        if kind == KIND_FUNCTION and s.lang == LANG_GO and last != NULL and last.kind == 41:
            kind = KIND_METHOD
        if (kind == KIND_CONSTANT or kind == KIND_VARIABLE) and not at_declarations(s) \
                and not (sc.kind == SC_GROUP and s.scopes[s.depth - 1].kind != SC_FUNC):
            s.state = ST_NAMED
        elif s.lang == LANG_PHP and kind == KIND_CONSTANT and next_is_name(s):  # const type NAME
            pass
        else:
            keep_token(s)
            name = s.tok
            if s.lang == LANG_KOTLIN and (s.decl_kw == KW_VAL or s.decl_kw == KW_VAR) and s.text[s.tok.start - 1] != 96:
                _property_name(s, &name)
            _name(s, &name, kind)
            return
    elif s.state == ST_NAMED and s.lang == LANG_GO:
        if s.decl_kw == KW_TYPE and s.stmt_def >= 0 and (kw == KW_STRUCT or kw == KW_INTERFACE) and last != NULL \
                and (last.kind == 93 or last.kind == TK_IDENT) \
                and s.out.defs[s.stmt_def].kind == KIND_TYPE:
            s.out.defs[s.stmt_def].kind = KIND_STRUCT if kw == KW_STRUCT else KIND_INTERFACE
    elif s.state == ST_NAMED and s.lang == LANG_ZIG and _container(kw) and (s.decl_kw == KW_CONST):
        kind = KIND_STRUCT if kw == KW_STRUCT else (KIND_ENUM if kw == KW_ENUM else KIND_TYPE)
        if last != NULL and (last.kind == 61 or last.kw == KW_EXTERN or token_is(s, last, b"packed")):
            if s.stmt_def >= 0:
                s.out.defs[s.stmt_def].kind = <uint8_t>kind
            else:
                for i in range(s.base, s.ntok):
                    if s.toks[i].kw == KW_CONST and i + 1 < s.ntok and s.toks[i + 1].kind == TK_IDENT:
                        _name(s, &s.toks[i + 1], kind)
                        break
    keep_token(s)


cdef inline void _open_brace(Scan* s) noexcept nogil:
    cdef Scope* sc = top_scope(s)
    cdef Token* last = &s.toks[s.ntok - 1] if s.ntok > s.base else NULL
    cdef int32_t owner = sc.owner
    cdef int kind = 0, scope = SC_FUNC
    cdef bint continues = False
    if sc.kind == SC_OPAQUE:
        open_scope(s, 123, SC_OPAQUE, owner, False)
        return
    if s.lang == LANG_RUST and s.decl_kw == KW_IMPL and s.stmt_def < 0:
        _impl(s)
        owner = s.stmt_def if s.stmt_def >= 0 else owner
        scope = SC_TYPE
    elif s.stmt_def >= 0:
        owner = s.stmt_def
        kind = s.out.defs[owner].kind
        if kind == KIND_FUNCTION or kind == KIND_METHOD:
            if s.lang == LANG_GO and last != NULL and (last.kw == KW_INTERFACE or last.kw == KW_STRUCT):
                scope = SC_OPAQUE
                continues = True
            elif s.lang == LANG_ZIG and last != NULL and (last.kw == KW_ERROR or _container(last.kw)):
                scope = SC_OPAQUE
                continues = True
        elif kind == KIND_MODULE:
            scope = SC_NAMESPACE
        elif kind == KIND_MACRO:
            scope = SC_OPAQUE
        elif kind == KIND_CONSTANT or kind == KIND_VARIABLE:
            continues = True
            if _has(s, KW_OBJECT) or s.lang == LANG_ZIG and _container_last(s):
                scope = SC_TYPE
        else:
            scope = SC_TYPE
    elif last == NULL:
        continues = sc.kind == SC_PAREN
    elif s.lang == LANG_RUST:
        if s.toks[s.base].kw == KW_EXTERN or (last.kind == 33 and sc.kind != SC_PAREN):
            scope = SC_NAMESPACE if sc.kind == SC_FILE else sc.kind
        continues = sc.kind == SC_PAREN
    elif s.lang == LANG_ZIG and s.state == ST_DECL:  # test {
        s.state = ST_OTHER
    elif s.lang == LANG_ZIG:
        if _container(last.kw) or (last.kind == 41 and (_has(s, KW_STRUCT) or _has(s, KW_UNION) or _has(s, KW_ENUM))):
            scope = SC_TYPE
        continues = True
    elif s.lang == LANG_KOTLIN and _has(s, KW_OBJECT):
        scope = SC_TYPE
        continues = s.decl_kw != KW_OBJECT
    elif s.lang == LANG_PHP and _has(s, KW_CLASS) and _has(s, KW_NEW):
        scope = SC_TYPE
        continues = True
    else:
        continues = sc.kind == SC_PAREN or last.kind == 61
    open_scope(s, 123, scope, owner, continues)


cdef inline void _paren(Scan* s) noexcept nogil:
    """`(` or `[` in a statement."""
    cdef Scope* sc = top_scope(s)
    cdef Token* last = &s.toks[s.ntok - 1] if s.ntok > s.base else NULL
    cdef int k = s.tok.kind
    cdef uint32_t i
    cdef uint16_t decl_kw = s.decl_kw
    cdef Token t
    if k == 40 and s.state == ST_DECL:
        if s.lang == LANG_GO and last != NULL and last.kw == s.decl_kw and s.decl_kw != KW_FUNC:
            keep_token(s)
            open_scope(s, 40, SC_GROUP, sc.owner, True)
            s.state = ST_DECL
            s.decl_kw = decl_kw
            return
        if s.lang == LANG_KOTLIN and s.decl_kw == KW_FUN and last != NULL and last.kind == TK_IDENT \
                and last.kw != KW_FUN:
            t = last[0]
            _name(s, &t, KIND_FUNCTION)
        elif s.lang == LANG_SWIFT and s.decl_kw == KW_FUNC and last != NULL and last.kw != KW_FUNC:
            i = s.ntok - 1
            while i > s.base and s.toks[i - 1].kw != KW_FUNC:
                i -= 1
            t = s.toks[i]
            while i + 1 < s.ntok and s.toks[i + 1].start == t.start + t.len and s.toks[i + 1].kind != TK_IDENT \
                    and not (s.toks[i + 1].kind == 60 and i + 2 < s.ntok and s.toks[i + 2].kind == TK_IDENT):
                i += 1
                t.len += s.toks[i].len
            _name(s, &t, KIND_FUNCTION)
        elif not (s.lang == LANG_GO and s.decl_kw == KW_FUNC and last != NULL and last.kw == KW_FUNC
                  and at_declarations(s)):
            s.state = ST_OTHER
    elif k == 40 and s.state == ST_OTHER and s.lang == LANG_GO and s.ntok == s.base + 1 and sc.owner >= 0 \
            and sc.kind == SC_TYPE and last.kind == TK_IDENT and s.out.defs[sc.owner].kind == KIND_INTERFACE:
        t = last[0]
        s.stmt_def = emit_token(s, &t, KIND_METHOD, _flags(s, &t) | DEF_DECLARATION)
        s.state = ST_NAMED
    elif s.state == ST_START and not (last != NULL and s.modifier[last.kw]):
        s.state = ST_OTHER
    keep_token(s)
    open_scope(s, <uint8_t>k, SC_OPAQUE if sc.kind == SC_OPAQUE else SC_PAREN, sc.owner, True)


cdef inline void _statement_end(Scan* s) noexcept nogil:
    """`;` or a newline that ends the statement."""
    cdef Scope* sc = top_scope(s)
    cdef uint16_t decl_kw = sc.decl_kw
    cdef int kind
    if s.stmt_def >= 0 and (s.lang == LANG_RUST or s.lang == LANG_PHP):
        kind = s.out.defs[s.stmt_def].kind
        if s.lang == LANG_RUST and kind == KIND_MODULE and <uint32_t>s.stmt_def + 1 == s.out.n_defs:
            s.out.n_defs -= 1  # mod name; is in another file
        elif kind == KIND_FUNCTION or kind == KIND_METHOD:
            s.out.defs[s.stmt_def].flags |= DEF_DECLARATION
    reset_statement(s)
    if sc.kind == SC_GROUP:
        s.state = ST_DECL
        s.decl_kw = decl_kw


cdef inline bint _has_equals(Scan* s) noexcept nogil:
    cdef uint32_t i
    for i in range(s.base, s.ntok):
        if s.toks[i].kind == 61:
            return True
    return False


cdef inline void keyword_token(Scan* s) noexcept nogil:
    """One token of a language of this family."""
    cdef int k = s.tok.kind
    cdef Scope* sc = top_scope(s)
    cdef Token name
    cdef int kind
    if s.first and s.ntok > s.base and sc.kind != SC_PAREN and sc.kind != SC_OPAQUE \
            and (s.lang == LANG_GO or s.lang == LANG_KOTLIN or s.lang == LANG_SWIFT) and newline_ends(s):
        _statement_end(s)
    if k == TK_IDENT:
        if sc.kind == SC_OPAQUE or sc.kind == SC_PAREN:
            if sc.kind == SC_PAREN:
                s.state = ST_OTHER
                keep_token(s)
        else:
            _word(s)
    elif k == 40 or k == 91:
        _paren(s)
    elif k == 41 or k == 93:
        close_scope(s, <uint8_t>k)
    elif k == 123:
        _open_brace(s)
    elif k == 125:
        close_scope(s, 125)
        sc = top_scope(s)
        if sc.kind == SC_GROUP and s.ntok == s.base:
            s.state = ST_DECL
            s.decl_kw = sc.decl_kw
    elif k == 59:
        _statement_end(s)
    elif sc.kind == SC_OPAQUE:
        return
    elif k == 44:
        kind = s.decl[s.decl_kw]
        keep_token(s)
        if s.lang == LANG_GO and s.state == ST_NAMED and (kind == KIND_CONSTANT or kind == KIND_VARIABLE) \
                and sc.kind != SC_PAREN and s.toks[s.ntok - 2 if s.ntok >= s.base + 2 else s.base].kind == TK_IDENT \
                and not _has_equals(s):
            s.state = ST_DECL
        elif sc.kind == SC_PAREN or s.lang == LANG_ZIG and (sc.kind == SC_TYPE or sc.kind == SC_FILE):
            reset_statement(s)
    elif k == TK_STRING and s.state == ST_DECL and s.lang == LANG_ZIG and s.decl_kw == KW_TEST:
        if s.tok.len > 2:
            s.tok.start += 1
            s.tok.len -= 2
            _name(s, &s.tok, KIND_FUNCTION)
        keep_token(s)
    else:
        if k == 60 and s.state == ST_DECL and s.lang == LANG_KOTLIN and (s.decl_kw == KW_VAL or s.decl_kw == KW_VAR) \
                and at_declarations(s):  # val <T> List<T>.name
            name = s.tok
            _property_name(s, &name)
            if name.kind == TK_IDENT:
                _name(s, &name, s.decl[s.decl_kw])
        if s.state == ST_START and k != TK_STRING and k != 64 and k != 35:
            s.state = ST_OTHER
        elif s.state == ST_DECL and not (k == 38 or k == 42 or s.decl_kw == KW_FUN or k == 33) \
                and not (s.lang == LANG_SWIFT and s.decl_kw == KW_FUNC):
            s.state = ST_OTHER
        keep_token(s)


cdef inline void scan_braces(Scan* s) noexcept nogil:
    """All of the text, in a language of braces."""
    cdef int lang = s.lang
    cdef bint c_family = (lang == LANG_C or lang == LANG_CPP or lang == LANG_JAVA or lang == LANG_CSHARP
                          or lang == LANG_DART)
    cdef bint script = lang == LANG_JAVASCRIPT or lang == LANG_TYPESCRIPT
    cdef int k
    cdef uint8_t c
    scopes_init(s)
    if lang == LANG_PHP:
        s.pos = skip_to(s, s.pos, <const uint8_t*>b"<?", 2, SEEN_CODE)
        s.cur |= SEEN_CODE
        while s.pos < s.end and s.cont[s.text[s.pos]]:  # php
            s.pos += 1
    while True:
        next_token(s)
        k = s.tok.kind
        if k == TK_END:
            break
        if c_family and k == TK_IDENT and s.tok.kw != KW_TEMPLATE:  # half of all tokens; nothing below is about them
            c_word(s)
            continue
        if k == 64 and s.at_attribute and s.first and not c_family and s.ntok > s.base \
                and s.scopes[s.depth].kind != SC_PAREN and s.scopes[s.depth].kind != SC_OPAQUE \
                and s.scopes[s.depth].kind != SC_OBJECT and newline_ends(s):
            if script:
                script_end(s)
            else:
                _statement_end(s)
        if k == 64 and s.at_attribute and (s.ntok == s.base or s.state == ST_START
                                           and s.modifier[s.toks[s.ntok - 1].kw]
                                           or c_family and s.scopes[s.depth].kind != SC_PAREN):
            c = s.text[s.pos] if s.pos < s.end else 0
            if c == 105 and lang == LANG_JAVA and s.end - s.pos > 9 \
                    and same_word(s.text + s.pos, 9, b"interface"):
                continue
            if s.cls[c] == 3 or c == 91:
                skip_at_attribute(s)
                continue
        elif k == 35:
            if s.preprocessor:
                c_directive(s)
                continue
            c = s.text[s.pos] if s.pos < s.end else 0
            if (lang == LANG_RUST or lang == LANG_PHP) and (c == 91 or c == 33):
                attribute_begin(s)
                next_token(s)
                if s.tok.kind == 33:
                    next_token(s)
                if s.tok.kind == 91:
                    skip_balanced(s)
                s.mark = SEEN_CODE
                continue
        elif k == 91:
            if lang == LANG_CSHARP and s.ntok == s.base and s.scopes[s.depth].kind <= SC_TYPE:
                skip_bracket_attribute(s)
                continue
            if lang == LANG_CPP and s.ntok == s.base and s.pos < s.end and s.text[s.pos] == 91:
                skip_bracket_attribute(s)
                continue
        elif s.tok.kw == KW_TEMPLATE and lang == LANG_CPP and at_declarations(s) \
                and (s.ntok == s.base or s.toks[s.ntok - 1].kind == TK_IDENT and s.toks[s.ntok - 1].kw == 0):
            reset_statement(s)  # a macro may stand before
            skip_template(s)
            continue
        if c_family:
            c_token(s)
        elif script:
            script_token(s)
        else:
            keyword_token(s)
