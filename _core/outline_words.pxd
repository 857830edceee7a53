# cython: language_level=3
"""The words that mean something in some language, numbered: one hash table serves all languages.

The enum and the literal of `keyword_words` are in the same order; the number of a word is its place plus one.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.stddef cimport size_t
from libc.string cimport memset, memcmp


cdef enum:
    KW_NONE = 0
    KW_GNU_ASM
    KW_GNU_ATTRIBUTE
    KW_GNU_DECLSPEC
    KW_GNU_EXTENSION
    KW_GNU_INLINE_
    KW_GNU_INLINE
    KW_C_NORETURN
    KW_ABSTRACT
    KW_ACCESSOR
    KW_ACTOR
    KW_ACTUAL
    KW_ALIAS
    KW_ALIGNAS
    KW_AND
    KW_ANNOTATION
    KW_AS
    KW_ASM
    KW_ASSERT
    KW_ASSOCIATEDTYPE
    KW_ASYNC
    KW_AUTO
    KW_AWAIT
    KW_BAREMODULE
    KW_BASE
    KW_BEGIN
    KW_BORROWING
    KW_BREAK
    KW_BY
    KW_CASE
    KW_CATCH
    KW_CDEF
    KW_CHAN
    KW_CLASS
    KW_CO_AWAIT
    KW_CO_RETURN
    KW_COMPANION
    KW_COMPTIME
    KW_CONCEPT
    KW_CONST
    KW_CONSTEVAL
    KW_CONSTEXPR
    KW_CONSTINIT
    KW_CONSTRUCTOR
    KW_CONSUMING
    KW_CONTINUE
    KW_CONVENIENCE
    KW_COVARIANT
    KW_CPDEF
    KW_CRATE
    KW_CREATE
    KW_CROSSINLINE
    KW_DATA
    KW_DEBUGGER
    KW_DECLARE
    KW_DECLTYPE
    KW_DEF
    KW_DEFAULT
    KW_DEFDELEGATE
    KW_DEFER
    KW_DEFGUARD
    KW_DEFGUARDP
    KW_DEFIMPL
    KW_DEFINE
    KW_DEFMACRO
    KW_DEFMACROP
    KW_DEFMETHOD
    KW_DEFMODULE
    KW_DEFMULTI
    KW_DEFN
    KW_DEFP
    KW_DEFPROTOCOL
    KW_DEFRECORD
    KW_DEFTYPE
    KW_DEINIT
    KW_DELEGATE
    KW_DELETE
    KW_DERIVES
    KW_DESCRIBE
    KW_DISTRIBUTED
    KW_DO
    KW_DYNAMIC
    KW_ECHO
    KW_ELEMENTAL
    KW_ELIF
    KW_ELSE
    KW_ELSEIF
    KW_ELSIF
    KW_END
    KW_ENSURE
    KW_ENUM
    KW_ERROR
    KW_EVENT
    KW_EXCEPT
    KW_EXCEPTION
    KW_EXPECT
    KW_EXPLICIT
    KW_EXPORT
    KW_EXTEND
    KW_EXTENDS
    KW_EXTENSION
    KW_EXTERN
    KW_EXTERNAL
    KW_FACTORY
    KW_FALSE
    KW_FILE
    KW_FILEPRIVATE
    KW_FINAL
    KW_FINALLY
    KW_FN
    KW_FOR
    KW_FOREACH
    KW_FRIEND
    KW_FROM
    KW_FUN
    KW_FUNC
    KW_FUNCTION
    KW_GET
    KW_GIVEN
    KW_GLOBAL
    KW_GO
    KW_GOTO
    KW_GUARD
    KW_IF
    KW_IMPL
    KW_IMPLEMENTS
    KW_IMPLICIT
    KW_IMPORT
    KW_IN
    KW_INCLUDE
    KW_INDEX
    KW_INDIRECT
    KW_INFIX
    KW_INIT
    KW_INLINE
    KW_INNER
    KW_INSTANCE
    KW_INSTANCEOF
    KW_INTERFACE
    KW_INTERNAL
    KW_IS
    KW_ISOLATED
    KW_LAMBDA
    KW_LATE
    KW_LATEINIT
    KW_LAZY
    KW_LET
    KW_LIBRARY
    KW_LOCAL
    KW_LOCALS
    KW_LOCK
    KW_LOOP
    KW_MACRO
    KW_MACRO_RULES
    KW_MAP
    KW_MATCH
    KW_MESSAGE
    KW_MIXIN
    KW_MOD
    KW_MODULE
    KW_MUT
    KW_MUTABLE
    KW_MUTATING
    KW_NAMESPACE
    KW_NATIVE
    KW_NEW
    KW_NEWTYPE
    KW_NIL
    KW_NOEXCEPT
    KW_NOINLINE
    KW_NONISOLATED
    KW_NONMUTATING
    KW_NONREC
    KW_NOT
    KW_NS
    KW_NULL
    KW_OBJECT
    KW_OF
    KW_ON
    KW_ONEOF
    KW_OPAQUE
    KW_OPEN
    KW_OPENS
    KW_OPERATOR
    KW_OPTIONAL
    KW_OR
    KW_OUT
    KW_OUTPUT
    KW_OVERRIDE
    KW_PACKAGE
    KW_PARTIAL
    KW_PASS
    KW_PERMITS
    KW_POSTFIX
    KW_PREFIX
    KW_PRIMITIVE
    KW_PRINT
    KW_PRIVATE
    KW_PROCEDURE
    KW_PROTECTED
    KW_PROTOCOL
    KW_PROVIDER
    KW_PUB
    KW_PUBLIC
    KW_PURE
    KW_READONLY
    KW_REC
    KW_RECORD
    KW_REF
    KW_REGISTER
    KW_REQUIRE
    KW_REQUIRED
    KW_REQUIRES
    KW_RESCUE
    KW_RESOURCE
    KW_RESTRICT
    KW_RETURN
    KW_RETURNS
    KW_RPC
    KW_SAFE
    KW_SATISFIES
    KW_SCHEMA
    KW_SEALED
    KW_SELECT
    KW_SELF
    KW_SEQUENCE
    KW_SERVICE
    KW_SET
    KW_SIZEOF
    KW_STATIC
    KW_STRICTFP
    KW_STRUCT
    KW_SUB
    KW_SUBSCRIPT
    KW_SUPER
    KW_SUSPEND
    KW_SWITCH
    KW_SYNCHRONIZED
    KW_TABLE
    KW_TAILREC
    KW_TEMPLATE
    KW_TEST
    KW_THEN
    KW_THIS
    KW_THREAD_LOCAL
    KW_THREADLOCAL
    KW_THROW
    KW_THROWS
    KW_TRAIT
    KW_TRANSIENT
    KW_TRANSPARENT
    KW_TRIGGER
    KW_TRUE
    KW_TRY
    KW_TYPE
    KW_TYPEALIAS
    KW_TYPEDEF
    KW_TYPENAME
    KW_TYPEOF
    KW_UNDEF
    KW_UNION
    KW_UNLESS
    KW_UNOWNED
    KW_UNSAFE
    KW_UNTIL
    KW_USING
    KW_VAL
    KW_VALUE
    KW_VAR
    KW_VARARG
    KW_VARIABLE
    KW_VIEW
    KW_VIRTUAL
    KW_VOID
    KW_VOLATILE
    KW_WEAK
    KW_WHEN
    KW_WHERE
    KW_WHILE
    KW_WITH
    KW_XOR
    KW_YIELD
    KW_COUNT


cdef enum:
    KEYWORD_SLOTS = 2048
    KEYWORD_LONGEST = 14


cdef struct Keywords:
    uint16_t[2048] slot  # open addressing: the number of a word, 0 = free
    uint16_t[KW_COUNT] start  # where word i is in the literal
    uint8_t[KW_COUNT] length


cdef inline const char* keyword_words() noexcept nogil:
    return (
        b"__asm__ __attribute__ __declspec __extension__ __inline __inline__ _Noreturn abstract accessor "
        b"actor actual alias alignas and annotation as asm assert associatedtype async auto await "
        b"baremodule base begin borrowing break by case catch cdef chan class co_await co_return "
        b"companion comptime concept const consteval constexpr constinit constructor consuming continue "
        b"convenience covariant cpdef crate create crossinline data debugger declare decltype def default "
        b"defdelegate defer defguard defguardp defimpl define defmacro defmacrop defmethod defmodule "
        b"defmulti defn defp defprotocol defrecord deftype deinit delegate delete derives describe "
        b"distributed do dynamic echo elemental elif else elseif elsif end ensure enum error event except "
        b"exception expect explicit export extend extends extension extern external factory false file "
        b"fileprivate final finally fn for foreach friend from fun func function get given global go goto "
        b"guard if impl implements implicit import in include index indirect infix init inline inner "
        b"instance instanceof interface internal is isolated lambda late lateinit lazy let library local "
        b"locals lock loop macro macro_rules map match message mixin mod module mut mutable mutating "
        b"namespace native new newtype nil noexcept noinline nonisolated nonmutating nonrec not ns null "
        b"object of on oneof opaque open opens operator optional or out output override package partial "
        b"pass permits postfix prefix primitive print private procedure protected protocol provider pub "
        b"public pure readonly rec record ref register require required requires rescue resource restrict "
        b"return returns rpc safe satisfies schema sealed select self sequence service set sizeof static "
        b"strictfp struct sub subscript super suspend switch synchronized table tailrec template test "
        b"then this thread_local threadlocal throw throws trait transient transparent trigger true try "
        b"type typealias typedef typename typeof undef union unless unowned unsafe until using val value "
        b"var vararg variable view virtual void volatile weak when where while with xor yield "
    )


cdef inline uint32_t _keyword_hash(const uint8_t* p, size_t n) noexcept nogil:
    """Of a word of at least two bytes."""
    return <uint32_t>(p[0] * 31 + p[1] * 131 + p[n - 1] * 517 + p[n // 2] * 1073 + n * 89) & (KEYWORD_SLOTS - 1)


cdef inline void keywords_init(Keywords* k) noexcept nogil:
    cdef const uint8_t* words = <const uint8_t*>keyword_words()
    cdef int i = 0, number = 0, begin
    cdef uint32_t h
    memset(k, 0, sizeof(Keywords))
    while words[i] != 0:
        begin = i
        while words[i] != 32:
            i += 1
        number += 1
        k.start[number] = <uint16_t>begin
        k.length[number] = <uint8_t>(i - begin)
        h = _keyword_hash(words + begin, i - begin)
        while k.slot[h]:
            h = (h + 1) & (KEYWORD_SLOTS - 1)
        k.slot[h] = <uint16_t>number
        i += 1


cdef inline int keyword_of(const Keywords* k, const uint8_t* p, size_t n) noexcept nogil:
    """The number of the word, KW_NONE when it is not one."""
    cdef const uint8_t* words = <const uint8_t*>keyword_words()
    cdef uint32_t h
    cdef int number
    if n < 2 or n > KEYWORD_LONGEST:
        return KW_NONE
    h = _keyword_hash(p, n)
    while k.slot[h]:
        number = k.slot[h]
        if k.length[number] == n and memcmp(words + k.start[number], p, n) == 0:
            return number
        h = (h + 1) & (KEYWORD_SLOTS - 1)
    return KW_NONE
