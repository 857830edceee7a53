# cython: language_level=3
"""More languages read line by line (Bash, Haskell, SQL, R, Erlang, Clojure), and the loop for all of them."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, int32_t
from _core.languages cimport *
from _core.outline_words cimport *
from _core.outline_base cimport *
from _core.outline_lex cimport next_token
from _core.outline_scopes cimport attribute_begin, skip_at_attribute
from _core.outline_lines cimport (
    LINE_TOKENS, owner_kind, in_function, enter, emit_line, is_word, is_kind, is_kw, dotted, group_end, same_as_last,
    python_line, ruby_line, elixir_line, lua_line, scala_line, julia_line, perl_line, ocaml_line)


cdef inline bint _margin(Scan* s) noexcept nogil:
    """Whether the line begins at the left margin."""
    return s.toks[0].start == s.out.line_start[s.toks[0].line]


cdef inline bint _command_follows(Scan* s, uint32_t i) noexcept nogil:
    """Whether the value that begins at token `i` is followed by a word: NAME=value command."""
    cdef uint32_t nesting = 0
    cdef uint32_t end = s.toks[i - 1].start + 1
    while i < s.ntok:
        if nesting == 0 and s.toks[i].start > end:
            return s.toks[i].kind != 59 and s.toks[i].kind != 38 and s.toks[i].kind != 124
        if s.toks[i].kind == 40:
            nesting += 1
        elif s.toks[i].kind == 41 and nesting:
            nesting -= 1
        end = s.toks[i].start + s.toks[i].len
        i += 1
    return False


cdef inline void bash_line(Scan* s) noexcept nogil:
    cdef uint32_t i = 0
    cdef Token* t = &s.toks[0]
    if t.kw == KW_FUNCTION and is_kind(s, 1, TK_IDENT):
        emit_line(s, &s.toks[1], KIND_FUNCTION, DEF_EXPORTED, True)
    elif t.kind == TK_IDENT and is_kind(s, 1, 40) and is_kind(s, 2, 41) \
            and (s.ntok == 3 or is_kind(s, 3, 123) or is_kind(s, 3, 40)):
        emit_line(s, t, KIND_FUNCTION, DEF_EXPORTED, True)
    elif t.kind == TK_IDENT and _margin(s):
        if t.kw == KW_EXPORT or t.kw == KW_READONLY or t.kw == KW_DECLARE or is_word(s, 0, b"typeset"):
            i = 1
            while is_kind(s, i, 45) and is_kind(s, i + 1, TK_IDENT):
                i += 2
        if is_kind(s, i, TK_IDENT) and is_kind(s, i + 1, 61) and not in_function(s):
            t = &s.toks[i]
            if s.text[t.start + t.len - 1] != 43 and s.toks[i + 1].start == t.start + t.len \
                    and (i > 0 or not _command_follows(s, 2)):
                emit_line(s, t, KIND_CONSTANT if s.toks[0].kw == KW_READONLY else KIND_VARIABLE, DEF_EXPORTED, False)


cdef inline uint32_t _haskell_name(Scan* s, uint32_t i, Token* name) noexcept nogil:
    """Behind the name or the `(operator)` at token `i`; `i` when there is none."""
    cdef uint32_t j
    if is_kind(s, i, 40):
        j = group_end(s, i)
        if j < i + 3 or s.toks[i + 1].kind == TK_IDENT or s.toks[i + 1].kind == 40:
            return i
        name[0] = s.toks[i + 1]
        name.len = s.toks[j - 2].start + s.toks[j - 2].len - name.start
        return j
    if is_kind(s, i, TK_IDENT) and not 65 <= s.text[s.toks[i].start] <= 90:
        name[0] = s.toks[i]
        return i + 1
    return i


cdef inline void haskell_line(Scan* s) noexcept nogil:
    cdef uint32_t i = 0, j, names = 0
    cdef Token t = s.toks[0]
    cdef int kind = 0
    cdef bint listed = False
    if s.ntok < 2:
        return
    if not _margin(s):
        if owner_kind(s) != KIND_INTERFACE:
            return
        if t.kw == KW_TYPE or t.kw == KW_DATA:  # an associated type
            while is_kw(s, i + 1, KW_INSTANCE) or is_word(s, i + 1, b"family"):
                i += 1
            if is_kind(s, i + 1, TK_IDENT):
                emit_line(s, &s.toks[i + 1], KIND_TYPE, DEF_EXPORTED, False)
            return
    elif t.kind == TK_IDENT:
        if t.kw == KW_MODULE:
            i = dotted(s, 1, &t)
            if not is_kind(s, i, 44) and not is_kind(s, i, 41):  # it is exported again
                emit_line(s, &t, KIND_MODULE, DEF_EXPORTED, False)
            return
        if t.kw == KW_TYPE and is_word(s, 1, b"role"):
            return
        if t.kw == KW_DATA or is_word(s, 0, b"newtype") or t.kw == KW_TYPE:
            i = 1
            while is_kw(s, i, KW_INSTANCE) or is_word(s, i, b"family"):
                i += 1
            for j in range(i, s.ntok):
                if s.toks[j].kind == TK_ARROW:  # data Context => Name
                    i = j + 1
                if s.toks[j].kind == 61:
                    break
            if is_kind(s, i, TK_IDENT):
                emit_line(s, &s.toks[i], KIND_TYPE if t.kw == KW_TYPE else KIND_STRUCT, DEF_EXPORTED, True)
            return
        if t.kw == KW_CLASS or t.kw == KW_INSTANCE or is_word(s, 0, b"deriving"):
            i = 1
            if is_word(s, 0, b"deriving"):
                while i < s.ntok and s.toks[i].kw != KW_INSTANCE:
                    i += 1
                i += 1
            for j in range(i, s.ntok):
                if s.toks[j].kind == TK_ARROW:
                    i = j + 1
                if s.toks[j].kw == KW_WHERE:
                    break
            if is_kind(s, i, TK_IDENT):
                dotted(s, i, &t)
                emit_line(s, &t, KIND_INTERFACE if s.toks[0].kw == KW_CLASS else KIND_IMPL, DEF_EXPORTED, True)
            return
        if t.kw == KW_IMPORT or t.kw == KW_DEFAULT or is_word(s, 0, b"infixl") or is_word(s, 0, b"infixr") \
                or t.kw == KW_INFIX or is_word(s, 0, b"foreign"):
            return
        if is_word(s, 0, b"pattern") and is_kind(s, 1, TK_IDENT):
            t = s.toks[1]
            if not same_as_last(s, &t, KIND_CONSTANT):
                emit_line(s, &t, KIND_CONSTANT, DEF_EXPORTED, False)
            return
    # name, (operator), name :: type   name patterns = …
    while True:
        i = _haskell_name(s, names, &t)
        if i == names:
            return
        names = i
        if is_kind(s, i, 44):
            names = i + 1
            listed = True
            continue
        break
    if is_kind(s, i, TK_SCOPE):
        j = 0
        while j < i:
            j = _haskell_name(s, j, &t)
            if not same_as_last(s, &t, KIND_FUNCTION):
                emit_line(s, &t, KIND_FUNCTION, DEF_EXPORTED, False)
            j += 1
    elif _margin(s) and not listed and s.toks[0].kind == TK_IDENT and i < s.ntok:
        kind = s.toks[i].kind
        if not (kind == TK_IDENT or kind == 40 or kind == 91 or kind == TK_NUMBER or kind == TK_STRING or kind == 61
                or kind == 124 or (kind == 126 or kind == 33) and s.toks[i].start > t.start + t.len
                and (is_kind(s, i + 1, TK_IDENT) or is_kind(s, i + 1, 40) or is_kind(s, i + 1, 91))
                and s.toks[i + 1].start == s.toks[i].start + 1) or same_as_last(s, &t, KIND_FUNCTION):
            return
        for j in range(i, s.ntok):
            if s.toks[j].kind == 61 or s.toks[j].kind == 124:
                emit_line(s, &t, KIND_FUNCTION, DEF_EXPORTED, False)
                return


cdef inline bint _folds_to(Scan* s, uint32_t i, const char* word) noexcept nogil:
    """Whether token `i` is the (lower-case) word in any letter case."""
    cdef uint32_t j
    cdef uint8_t c
    if i >= s.ntok or s.toks[i].kind != TK_IDENT:
        return False
    for j in range(s.toks[i].len):
        c = s.text[s.toks[i].start + j]
        if 65 <= c <= 90:
            c += 32
        if c != <uint8_t>word[j]:
            return False
    return word[s.toks[i].len] == 0


cdef inline void sql_line(Scan* s) noexcept nogil:
    cdef uint32_t i = 1, stop
    cdef int kind = 0
    cdef Token t
    if not _folds_to(s, 0, b"create") and not _folds_to(s, 0, b"alter"):
        return
    stop = 8
    while i < s.ntok and i < stop:
        if _folds_to(s, i, b"function") or _folds_to(s, i, b"procedure") or _folds_to(s, i, b"trigger"):
            kind = KIND_FUNCTION
        elif _folds_to(s, i, b"table") or _folds_to(s, i, b"view"):
            kind = KIND_STRUCT
        elif _folds_to(s, i, b"type") or _folds_to(s, i, b"domain"):
            kind = KIND_TYPE
        elif _folds_to(s, i, b"schema") or _folds_to(s, i, b"database") or _folds_to(s, i, b"extension"):
            kind = KIND_MODULE
        elif _folds_to(s, i, b"index") or _folds_to(s, i, b"sequence") or _folds_to(s, i, b"role"):
            kind = KIND_VARIABLE
        i += 1
        if kind:
            break
    if kind == 0 or _folds_to(s, 0, b"alter"):
        return
    while _folds_to(s, i, b"if") or _folds_to(s, i, b"not") or _folds_to(s, i, b"exists") \
            or _folds_to(s, i, b"concurrently"):
        i += 1
    if is_kind(s, i, TK_IDENT):
        while is_kind(s, i + 1, 46) and is_kind(s, i + 2, TK_IDENT):
            i += 2
        t = s.toks[i]
        emit_line(s, &t, kind, DEF_EXPORTED, False)


cdef inline void r_line(Scan* s) noexcept nogil:
    cdef Token t = s.toks[0]
    if t.kind == TK_STRING and t.len > 2:
        t.start += 1
        t.len -= 2
    elif t.kind != TK_IDENT:
        return
    if is_kind(s, 1, 61):
        if is_kw(s, 2, KW_FUNCTION):
            emit_line(s, &t, KIND_FUNCTION, 0 if s.text[t.start] == 46 else DEF_EXPORTED, True)
        elif _margin(s) and s.toks[0].kind == TK_IDENT:
            emit_line(s, &t, KIND_VARIABLE, 0 if s.text[t.start] == 46 else DEF_EXPORTED, False)


cdef inline void erlang_line(Scan* s) noexcept nogil:
    cdef Token t = s.toks[0]
    cdef int kind = 0
    if not _margin(s):
        return
    if t.kind == 45 and s.ntok > 3 and s.toks[1].kind == TK_IDENT:
        if is_word(s, 1, b"module"): kind = KIND_MODULE
        elif is_word(s, 1, b"record"): kind = KIND_STRUCT
        elif is_word(s, 1, b"define"): kind = KIND_MACRO
        elif is_word(s, 1, b"type") or is_word(s, 1, b"opaque"): kind = KIND_TYPE
        t = s.toks[3] if s.toks[2].kind == 40 else s.toks[2]
        if kind and t.kind == TK_IDENT:
            emit_line(s, &t, kind, DEF_EXPORTED, False)
        return
    if t.kind == TK_STRING and t.len > 2:
        t.start += 1
        t.len -= 2
    elif t.kind != TK_IDENT or 65 <= s.text[t.start] <= 90:
        return
    if is_kind(s, 1, 40) and not same_as_last(s, &t, KIND_FUNCTION):
        emit_line(s, &t, KIND_FUNCTION, DEF_EXPORTED, False)


cdef inline void clojure_line(Scan* s) noexcept nogil:
    cdef uint32_t i = 2
    cdef Token t
    cdef int kind = KIND_FUNCTION
    cdef int flags = DEF_EXPORTED
    if s.ntok < 3 or s.toks[0].kind != 40 or s.toks[1].kind != TK_IDENT:
        return
    if is_word(s, 1, b"ns"): kind = KIND_MODULE
    elif not (s.toks[1].len >= 3 and s.text[s.toks[1].start] == 100 and s.text[s.toks[1].start + 1] == 101
              and s.text[s.toks[1].start + 2] == 102):
        return
    elif is_word(s, 1, b"def") or is_word(s, 1, b"defonce"): kind = KIND_VARIABLE
    elif is_word(s, 1, b"defmacro"): kind = KIND_MACRO
    elif is_word(s, 1, b"defprotocol") or is_word(s, 1, b"definterface"): kind = KIND_INTERFACE
    elif is_word(s, 1, b"defrecord"): kind = KIND_STRUCT
    elif is_word(s, 1, b"deftype"): kind = KIND_CLASS
    elif is_word(s, 1, b"defmethod"): kind = KIND_METHOD
    elif is_word(s, 1, b"default"): return
    elif is_word(s, 1, b"defn-"): flags = 0
    while is_kind(s, i, 94):  # ^:private, ^{…}
        if is_kind(s, i + 1, 123):
            i = group_end(s, i + 1)
        elif is_kind(s, i + 1, 58):
            i += 3
            flags = 0 if is_word(s, i - 1, b"private") else flags
        else:
            i += 2
    if is_kind(s, i, TK_IDENT):
        t = s.toks[i]
        emit_line(s, &t, kind, flags, True)


cdef inline void _line(Scan* s) noexcept nogil:
    """The tokens of a line (and of those it continues on) are there."""
    cdef uint32_t column = line_indent(s, s.toks[0].line)
    cdef int lang = s.lang
    if lang == LANG_SCALA and s.depth > 0 and s.scopes[s.depth].indent == column \
            and (s.toks[0].kind == 123 or s.toks[0].kw == KW_EXTENDS or s.toks[0].kw == KW_WITH
                 or s.toks[0].kind == 125 and s.ntok > 1 and s.toks[1].kw == KW_WITH):
        return  # the head of the class goes on
    while s.depth > 0 and s.scopes[s.depth].indent >= column:
        s.depth -= 1
    if column < s.scopes[s.depth].base:
        s.scopes[s.depth].base = column  # the members of the definition around are this deep
    if lang == LANG_PYTHON: python_line(s)
    elif lang == LANG_RUBY: ruby_line(s)
    elif lang == LANG_ELIXIR: elixir_line(s)
    elif lang == LANG_LUA: lua_line(s)
    elif lang == LANG_SCALA: scala_line(s)
    elif lang == LANG_JULIA: julia_line(s)
    elif lang == LANG_PERL: perl_line(s)
    elif lang == LANG_OCAML: ocaml_line(s)
    elif lang == LANG_BASH: bash_line(s)
    elif lang == LANG_HASKELL: haskell_line(s)
    elif lang == LANG_SQL: sql_line(s)
    elif lang == LANG_R: r_line(s)
    elif lang == LANG_ERLANG: erlang_line(s)
    elif lang == LANG_CLOJURE: clojure_line(s)


cdef inline bint _opens_block(Scan* s) noexcept nogil:
    """Scala: whether the line ends with `{` or `{ name =>`."""
    cdef uint32_t i = s.ntok, stop = 6
    if s.ntok >= LINE_TOKENS:
        return False
    if s.toks[i - 1].kind == 123:
        return True
    if s.toks[i - 1].kind != TK_ARROW:
        return False
    while i > 0 and stop > 0 and s.toks[i - 1].line == s.tok.line and s.toks[i - 1].kind != 125:
        i -= 1
        stop -= 1
        if s.toks[i].kind == 123:
            return True
    return False


cdef inline bint _class_head(Scan* s) noexcept nogil:
    """Haskell: whether the line is `class … where`, so that methods follow; any other goes on while indented."""
    return s.toks[0].kw == KW_CLASS and s.toks[s.ntok - 1].kw == KW_WHERE


cdef inline void scan_lines(Scan* s) noexcept nogil:
    """All of the text, in a language of lines."""
    cdef int lang = s.lang
    cdef bint parens = lang == LANG_PYTHON or lang == LANG_JULIA or lang == LANG_SCALA
    cdef bint braces = lang == LANG_PYTHON
    cdef uint32_t nesting = 0
    cdef int k
    s.depth = 0
    s.scopes[0].owner = -1
    s.scopes[0].indent = 0
    s.scopes[0].hidden = 0
    s.scopes[0].kind = SC_FILE
    s.scopes[0].base = 0
    s.ntok = 0
    s.doc_ok = lang == LANG_PYTHON
    while True:
        next_token(s)
        k = s.tok.kind
        if lang == LANG_ELIXIR and not (k == TK_STRING and s.text[s.tok.start] == 64):
            s.doc_ok = False
        if k == TK_END:
            break
        if k == TK_NEWLINE:
            if s.ntok == 0:
                continue
            if lang == LANG_PYTHON and s.toks[s.ntok - 1].kind == 92 and s.toks[s.ntok - 1].line == s.tok.line:
                s.ntok -= 1 if s.ntok > 1 else 0
                continue
            if nesting and lang == LANG_SCALA and _opens_block(s):
                nesting = 0  # f(new Name {
            if nesting:
                continue
            if lang == LANG_HASKELL and s.pos < s.end and s.text[s.pos] <= 32 \
                    and s.toks[0].start == s.out.line_start[s.toks[0].line] and not _class_head(s):
                continue
            _line(s)
            s.ntok = 0
            s.mark = SEEN_CODE
            s.doc_ok = lang == LANG_PYTHON
            continue
        if nesting and s.decl[s.tok.kw] and s.prev == TK_NEWLINE and s.ntok \
                and s.tok.start == s.out.line_start[s.tok.line]:
            _line(s)  # a bracket was left open
            s.ntok = 0
            nesting = 0
            s.mark = SEEN_CODE
        if s.ntok == 0 and lang == LANG_PYTHON:
            s.doc_ok = False
            if k == 64:
                attribute_begin(s)
        elif s.ntok == 0 and lang == LANG_SCALA and k == 64:
            skip_at_attribute(s)
            continue
        if s.ntok < LINE_TOKENS:
            s.toks[s.ntok] = s.tok
            s.ntok += 1
        if parens:
            if k == 40 or k == 91 or (k == 123 and braces):
                nesting += 1
            elif (k == 41 or k == 93 or (k == 125 and braces)) and nesting:
                nesting -= 1
    if s.ntok:
        _line(s)
