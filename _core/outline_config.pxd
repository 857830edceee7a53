# cython: language_level=3
"""What each language looks like: comments, strings, identifiers, the keywords that define and those before them."""
from libc.stdint cimport uint8_t, uint16_t
from libc.string cimport memset
from _core.languages cimport *
from _core.outline_words cimport KW_COUNT, keyword_of
from _core.outline_base cimport (
    Scan, KIND_FUNCTION, KIND_CLASS, KIND_STRUCT, KIND_INTERFACE, KIND_ENUM, KIND_TRAIT, KIND_TYPE, KIND_MODULE,
    KIND_IMPL, KIND_CONSTANT, KIND_VARIABLE, KIND_MACRO, KIND_METHOD)


cdef enum:  # classes of bytes
    C_PUNCT = 0
    C_SPACE
    C_NEWLINE
    C_IDENT
    C_DIGIT
    C_OPERATOR  # may be the start of a longer operator
    C_SPECIAL   # may start a comment, a string …

cdef enum:  # modes of a quote
    STR_ON = 1
    STR_ESCAPE = 2
    STR_MULTI = 4     # may span lines
    STR_DOUBLED = 8   # the quote twice is the quote
    STR_TRIPLE = 16
    STR_CHAR = 32     # a character, or something else (lifetime, transpose, label)
    STR_NAME = 64     # a quoted identifier
    STR_INTERP = 128  # Scan.interp applies


cdef inline const char* declaring_words(int lang) noexcept nogil:
    """`keyword=kind` pairs; f function, c class, s struct, i interface, e enum, t trait, y type, n module,
    x extension, k constant, v variable, a macro."""
    if lang == LANG_GO: return b"func=f type=y const=k var=v "
    elif lang == LANG_RUST:
        return b"fn=f struct=s enum=e trait=t mod=n type=y union=y const=k static=v macro_rules=a macro=a impl=x "
    elif lang == LANG_JAVASCRIPT: return b"function=f class=c const=k let=v var=v "
    elif lang == LANG_TYPESCRIPT:
        return b"function=f class=c interface=i enum=e type=y namespace=n module=n const=k let=v var=v "
    elif lang == LANG_KOTLIN:
        return b"fun=f class=c interface=i object=c typealias=y val=k var=v constructor=f "
    elif lang == LANG_SWIFT:
        return (b"func=f class=c struct=s enum=e protocol=i extension=x actor=c typealias=y associatedtype=y "
                b"let=k var=v init=f deinit=f subscript=f macro=a ")
    elif lang == LANG_PHP: return b"function=f class=c interface=i trait=t enum=e namespace=n const=k "
    elif lang == LANG_ZIG: return b"fn=f const=k var=v test=f "
    elif lang == LANG_PROTOBUF: return b"message=s enum=e service=i rpc=f extend=x package=n oneof=v "
    elif lang == LANG_SCALA:
        return (b"def=f class=c object=c trait=t enum=e type=y val=v var=v given=v extension=x package=n ")
    elif lang == LANG_RUBY: return b"def=f class=c module=n "
    elif lang == LANG_ELIXIR:
        return (b"defmodule=n def=f defp=f defmacro=a defmacrop=a defprotocol=i defimpl=x defguard=f defguardp=f "
                b"defdelegate=f ")
    elif lang == LANG_PYTHON: return b"def=f class=c "
    elif lang == LANG_JULIA:
        return b"function=f macro=a struct=s module=n baremodule=n const=k type=y "
    elif lang == LANG_OCAML:
        return b"let=f and=f type=y module=n class=c exception=y external=f val=f method=f "
    elif lang == LANG_PERL: return b"sub=f package=n "
    return b""


cdef inline const char* modifier_words(int lang) noexcept nogil:
    """What may stand before a declaring keyword, or before the type of a function."""
    if lang == LANG_RUST: return b"pub async unsafe extern default crate auto safe "
    elif lang == LANG_JAVASCRIPT: return b"export default async static get set await "
    elif lang == LANG_TYPESCRIPT:
        return (b"export default async static get set abstract declare public private protected readonly override "
                b"await accessor ")
    elif lang == LANG_KOTLIN:
        return (b"public private internal protected expect actual final open abstract sealed const external override "
                b"lateinit tailrec vararg suspend inner enum annotation inline noinline crossinline value data "
                b"companion operator infix ")
    elif lang == LANG_SWIFT:
        return (b"public private internal fileprivate open package static final lazy weak unowned mutating nonmutating "
                b"override required convenience dynamic optional indirect prefix postfix infix async nonisolated "
                b"isolated distributed borrowing consuming ")
    elif lang == LANG_PHP: return b"public private protected static final abstract readonly "
    elif lang == LANG_ZIG: return b"pub export extern inline noinline threadlocal comptime "
    elif lang == LANG_SCALA:
        return (b"private protected final sealed abstract implicit lazy override case inline transparent opaque open "
                b"infix ")
    elif lang == LANG_RUBY: return b"private protected public "
    elif lang == LANG_PYTHON: return b"async "
    elif lang == LANG_JULIA: return b"mutable abstract primitive "
    elif lang == LANG_OCAML: return b"rec virtual private open nonrec "
    elif lang == LANG_C:
        return (b"static extern inline const volatile register __inline __inline__ __extension__ restrict auto "
                b"_Noreturn constexpr thread_local ")
    elif lang == LANG_CPP:
        return (b"static extern inline const volatile register __inline __inline__ __extension__ auto "
                b"constexpr thread_local virtual explicit friend mutable export typename consteval constinit ")
    elif lang == LANG_JAVA:
        return (b"public private protected static final abstract native synchronized transient volatile strictfp "
                b"default sealed ")
    elif lang == LANG_CSHARP:
        return (b"public private protected internal static readonly sealed abstract virtual override extern unsafe "
                b"async partial new volatile required file const event implicit explicit ref ")
    elif lang == LANG_DART:
        return b"static final const late external abstract covariant factory sealed base interface required "
    return b""


cdef inline int _kind_of_letter(uint8_t c) noexcept nogil:
    if c == 102: return KIND_FUNCTION
    elif c == 99: return KIND_CLASS
    elif c == 115: return KIND_STRUCT
    elif c == 105: return KIND_INTERFACE
    elif c == 101: return KIND_ENUM
    elif c == 116: return KIND_TRAIT
    elif c == 121: return KIND_TYPE
    elif c == 110: return KIND_MODULE
    elif c == 120: return KIND_IMPL
    elif c == 107: return KIND_CONSTANT
    elif c == 118: return KIND_VARIABLE
    elif c == 97: return KIND_MACRO
    return 0


cdef inline void _fill_words(Scan* s) noexcept nogil:
    cdef const uint8_t* words = <const uint8_t*>declaring_words(s.lang)
    cdef int i = 0, begin, kw
    memset(s.decl, 0, sizeof(s.decl))
    memset(s.modifier, 0, sizeof(s.modifier))
    while words[i] != 0:
        begin = i
        while words[i] != 61:
            i += 1
        kw = keyword_of(&s.out.keywords, words + begin, i - begin)
        s.decl[kw] = <uint8_t>_kind_of_letter(words[i + 1])
        i += 3
    words = <const uint8_t*>modifier_words(s.lang)
    i = 0
    while words[i] != 0:
        begin = i
        while words[i] != 32:
            i += 1
        s.modifier[keyword_of(&s.out.keywords, words + begin, i - begin)] = 1
        i += 1
    s.decl[0] = 0
    s.modifier[0] = 0


cdef inline void _class(Scan* s, const char* characters, uint8_t cls) noexcept nogil:
    cdef int i = 0
    while characters[i] != 0:
        s.cls[<uint8_t>characters[i]] = cls
        i += 1


cdef inline void _continues(Scan* s, const char* characters) noexcept nogil:
    """Characters that may stand inside an identifier."""
    cdef int i = 0
    while characters[i] != 0:
        s.cont[<uint8_t>characters[i]] = 1
        i += 1


cdef inline void configure(Scan* s, int lang) noexcept nogil:
    """Everything of `s` that depends on the language alone."""
    cdef int c
    s.lang = lang
    memset(s.cls, C_PUNCT, 256)
    memset(s.cont, 0, 256)
    for c in range(256):
        if 65 <= c <= 90 or 97 <= c <= 122 or c == 95 or c >= 128:
            s.cls[c] = C_IDENT
            s.cont[c] = 1
        elif 48 <= c <= 57:
            s.cls[c] = C_DIGIT
            s.cont[c] = 1
        elif c <= 32 or c == 127:
            s.cls[c] = C_SPACE
    s.cls[10] = C_NEWLINE
    _class(s, b"=!<>+-*%&|^~:?", C_OPERATOR)
    s.lines_mode = False
    s.slash_comment = False
    s.block_comment = False
    s.nested_comment = False
    s.hash_comment = False
    s.dash_comment = False
    s.regex = False
    s.preprocessor = False
    s.at_attribute = False
    s.dq = STR_ON | STR_ESCAPE
    s.sq = STR_ON | STR_ESCAPE
    s.bt = 0
    s.interp = 0

    if lang == LANG_C or lang == LANG_CPP or lang == LANG_CSHARP or lang == LANG_JAVA or lang == LANG_JAVASCRIPT \
            or lang == LANG_TYPESCRIPT or lang == LANG_GO or lang == LANG_RUST or lang == LANG_KOTLIN \
            or lang == LANG_SWIFT or lang == LANG_PHP or lang == LANG_SCALA or lang == LANG_DART \
            or lang == LANG_PROTOBUF or lang == LANG_TERRAFORM or lang == LANG_CSS or lang == LANG_JSON:
        s.slash_comment = True
        s.block_comment = True
    if lang == LANG_RUST or lang == LANG_KOTLIN or lang == LANG_SWIFT or lang == LANG_SCALA or lang == LANG_DART:
        s.nested_comment = True
    if lang == LANG_JAVA or lang == LANG_KOTLIN or lang == LANG_SWIFT or lang == LANG_JAVASCRIPT \
            or lang == LANG_TYPESCRIPT or lang == LANG_DART or lang == LANG_SCALA:
        s.at_attribute = True
    if lang == LANG_PYTHON or lang == LANG_RUBY or lang == LANG_BASH or lang == LANG_ELIXIR or lang == LANG_JULIA \
            or lang == LANG_R or lang == LANG_PERL or lang == LANG_YAML or lang == LANG_TOML or lang == LANG_MAKE \
            or lang == LANG_DOCKERFILE or lang == LANG_PHP or lang == LANG_TERRAFORM:
        s.hash_comment = True
        s.cls[35] = C_SPECIAL
    if lang == LANG_LUA or lang == LANG_HASKELL or lang == LANG_SQL:
        s.dash_comment = True
        s.cls[45] = C_SPECIAL
    if lang == LANG_PYTHON or lang == LANG_RUBY or lang == LANG_BASH or lang == LANG_ELIXIR or lang == LANG_JULIA \
            or lang == LANG_R or lang == LANG_PERL or lang == LANG_LUA or lang == LANG_HASKELL or lang == LANG_SQL \
            or lang == LANG_SCALA or lang == LANG_OCAML or lang == LANG_CLOJURE or lang == LANG_ERLANG:
        s.lines_mode = True

    if lang == LANG_C or lang == LANG_CPP:
        s.preprocessor = True
    elif lang == LANG_CSHARP:
        s.preprocessor = True
        _class(s, b"@$", C_SPECIAL)
    elif lang == LANG_JAVA:
        s.dq |= STR_TRIPLE
    elif lang == LANG_JAVASCRIPT or lang == LANG_TYPESCRIPT:
        s.bt = STR_ON | STR_ESCAPE | STR_MULTI | STR_INTERP
        s.interp = 36
        s.regex = True
        s.cls[36] = C_IDENT
        s.cont[36] = 1
    elif lang == LANG_GO:
        s.bt = STR_ON | STR_MULTI
    elif lang == LANG_RUST:
        s.dq = STR_ON | STR_ESCAPE | STR_MULTI
        s.sq = STR_CHAR
        s.cls[35] = C_SPECIAL
    elif lang == LANG_KOTLIN:
        s.dq |= STR_TRIPLE | STR_INTERP
        s.interp = 36
        s.bt = STR_NAME
        s.cls[36] = C_IDENT
        s.cont[36] = 1
    elif lang == LANG_SCALA:
        s.dq |= STR_TRIPLE
        s.sq = STR_CHAR
        s.bt = STR_NAME
    elif lang == LANG_SWIFT:
        s.dq |= STR_TRIPLE | STR_INTERP
        s.sq = 0
        s.interp = 92
        s.bt = STR_NAME
        s.cls[35] = C_SPECIAL
    elif lang == LANG_PHP:
        s.dq |= STR_MULTI
        s.sq |= STR_MULTI
        s.bt = STR_ON | STR_ESCAPE | STR_MULTI
        s.cls[36] = C_IDENT
        s.cls[92] = C_IDENT
        s.cont[92] = 1
        _class(s, b"<?", C_SPECIAL)
    elif lang == LANG_ZIG:
        s.slash_comment = True
        s.cls[92] = C_SPECIAL
        s.cls[64] = C_IDENT
    elif lang == LANG_DART:
        s.dq |= STR_TRIPLE | STR_INTERP
        s.sq |= STR_TRIPLE | STR_INTERP
        s.interp = 36
        s.cls[36] = C_IDENT
        s.cont[36] = 1
    elif lang == LANG_PYTHON:
        s.dq |= STR_TRIPLE
        s.sq |= STR_TRIPLE
    elif lang == LANG_RUBY:
        s.dq |= STR_MULTI | STR_INTERP
        s.sq |= STR_MULTI
        s.bt = STR_ON | STR_ESCAPE | STR_MULTI
        s.interp = 35
        s.regex = True
        _class(s, b"@", C_IDENT)
        _continues(s, b"?!")
        _class(s, b"$%<?=", C_SPECIAL)
    elif lang == LANG_PERL:
        s.dq |= STR_MULTI
        s.sq |= STR_MULTI
        s.bt = STR_ON | STR_ESCAPE | STR_MULTI
        s.regex = True
        _class(s, b"$@%<=", C_SPECIAL)
    elif lang == LANG_BASH:
        s.dq |= STR_MULTI | STR_INTERP
        s.sq = STR_ON | STR_MULTI
        s.bt = STR_ON | STR_ESCAPE | STR_MULTI
        _class(s, b"$<\\", C_SPECIAL)
        _continues(s, b"-.:+@/,")
    elif lang == LANG_ELIXIR:
        s.dq |= STR_TRIPLE | STR_MULTI | STR_INTERP
        s.sq |= STR_TRIPLE
        s.interp = 35
        _continues(s, b"?!")
        _class(s, b"~?@", C_SPECIAL)
    elif lang == LANG_JULIA:
        s.dq |= STR_TRIPLE | STR_MULTI
        s.sq = STR_CHAR
        s.bt = STR_ON | STR_ESCAPE | STR_MULTI
        _continues(s, b"!")
    elif lang == LANG_R:
        s.dq |= STR_MULTI
        s.sq |= STR_MULTI
        s.bt = STR_NAME
        s.cls[46] = C_IDENT
        s.cont[46] = 1
    elif lang == LANG_LUA:
        s.cls[91] = C_SPECIAL
    elif lang == LANG_HASKELL:
        s.sq = STR_CHAR
        _continues(s, b"'")
        _class(s, b"{[", C_SPECIAL)
    elif lang == LANG_OCAML:
        s.dq |= STR_MULTI
        s.sq = STR_CHAR
        _continues(s, b"'")
        _class(s, b"({", C_SPECIAL)
    elif lang == LANG_CLOJURE:
        s.dq |= STR_MULTI
        s.sq = 0
        _class(s, b";\\", C_SPECIAL)
        _class(s, b"*!+-<>=?%&|", C_IDENT)
        _continues(s, b"*!+-<>=?.'#/%&|:$")
    elif lang == LANG_ERLANG:
        s.dq |= STR_MULTI
        s.sq = STR_ON | STR_ESCAPE
        _class(s, b"%$", C_SPECIAL)
        s.cont[64] = 1
    elif lang == LANG_SQL:
        s.block_comment = True
        s.sq = STR_ON | STR_MULTI | STR_DOUBLED
        s.dq = STR_NAME
        s.bt = STR_NAME
        s.cls[36] = C_SPECIAL
    elif lang == LANG_TERRAFORM:
        s.dq |= STR_INTERP
        s.sq = 0
        s.interp = 36
        s.cls[60] = C_SPECIAL
        s.cont[45] = 1
    elif lang == LANG_CSS:
        s.cont[45] = 1
    if s.slash_comment or s.block_comment or s.regex:
        s.cls[47] = C_SPECIAL
    if s.preprocessor:
        s.cls[35] = C_SPECIAL
    if s.dq:
        s.cls[34] = C_SPECIAL
    if s.sq:
        s.cls[39] = C_SPECIAL
    if s.bt:
        s.cls[96] = C_SPECIAL
    _fill_words(s)
