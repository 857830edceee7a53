# cython: language_level=3
"""`--rerank`: the provider says in which order the best places answer the question.

Code is sent, so that has to be allowed once, and is told every time. The order that comes back is merged
with ours and can drop nothing.
"""
from libc.stdint cimport uint8_t, uint32_t
from libc.stddef cimport size_t
from libc.string cimport strerror
from _core.ask cimport ask_begin, ask_end, ask_print, ask_somebody, ask_stays
from _core.base cimport Bytes, bytes_str, bytes_uint
from _core.candidates cimport Result, Results
from _core.child cimport CHILD_SIGNALED
from _core.flags cimport args_last, FLAG_SEND_CODE
from _core.opening cimport damaged
from _core.place cimport Place, line_text, place_load
from _core.render cimport json_text
from _core.say cimport EXIT_ERROR, complain
from _core.session cimport DRY_SHOWN, RERANKED, Session, timeout_text
from _core.source cimport SOURCE_CHANGED, SOURCE_DAMAGED, SOURCE_OK
from _core.sys cimport c_close, errno, write_all

cdef enum:
    NOT_NAMED = 0xFFFFFFFF
    FUSION = 60
    AROUND = 5                   # lines on each side of the best one that are sent
    LINE_SENT = 160              # bytes of a line
    ALL_SENT = 56000             # bytes after which no place is sent: a pipe holds 64 KB, so nobody has to read yet


cdef inline void _json_lines(Session* s) noexcept nogil:
    """Path and lines of the place that is loaded: {"path", "lines", "best"}, the latter a number of one of these."""
    cdef Place* p = &s.place
    cdef uint32_t lo = p.best - AROUND if p.best - p.start > AROUND else p.start, line
    cdef const uint8_t* at
    cdef size_t n
    bytes_str(&s.out, b"{\"path\":")
    json_text(&s.out, p.path, p.file.path_len)
    bytes_str(&s.out, b",\"lines\":[")
    for line in range(lo, p.best + AROUND + 1 if p.end > p.best + AROUND else p.end):
        n = line_text(p, line, &at)
        bytes_str(&s.out, b"," if line > lo else b"")
        json_text(&s.out, at, n if n < LINE_SENT else LINE_SENT)
    bytes_str(&s.out, b"],\"best\":")
    bytes_uint(&s.out, p.best - lo)
    bytes_str(&s.out, b"}\n")


cdef inline int _send_places(Session* s, const Results* results, uint32_t* sent, uint32_t* n) noexcept nogil:
    """Writes the best places to the process that asks, as JSON lines; which of the results these are. 0 or
    EXIT_ERROR."""
    cdef uint32_t i
    cdef int status
    n[0] = 0
    s.out.len = 0
    for i in range(results.n):
        if n[0] == RERANKED or s.out.len > ALL_SENT:
            break
        status = place_load(&s.index, &results.items[i], &s.matcher, False, False, &s.place)
        if status == SOURCE_CHANGED:
            continue
        if status != SOURCE_OK:
            return damaged(s) if status == SOURCE_DAMAGED else complain(b"not enough memory", b"", b"")
        _json_lines(s)
        sent[n[0]] = i
        n[0] += 1
    write_all(s.ask.child.into, s.out.data, s.out.len)  # if it has ended already, it has said why
    s.out.len = 0
    c_close(s.ask.child.into)
    s.ask.child.into = -1
    return 0


cdef inline uint32_t _order(const Bytes* said, uint32_t n, uint32_t* rank_) noexcept nogil:
    """Fills rank_[place] from the numbers of places, best first, that were said; how many said something of use. Who
    is not named stays behind those who are, in the old order."""
    cdef uint32_t i, v, named = 0
    cdef size_t at = 0, begin
    for i in range(n):
        rank_[i] = NOT_NAMED
    while at < said.len:
        v = 0
        begin = at
        while at < said.len and 48 <= said.data[at] <= 57:
            v = v * 10 + said.data[at] - 48 if v < 100000 else v
            at += 1
        at += 1
        if at > begin + 1 and v < n and rank_[v] == NOT_NAMED:
            rank_[v] = named
            named += 1
    v = named
    for i in range(n):
        if rank_[i] == NOT_NAMED:
            rank_[i] = v
            v += 1
    return named


cdef inline void _fuse(Result* items, const uint32_t* sent, uint32_t n, const uint32_t* rank_) noexcept nogil:
    """The places that were sent in their new order: by reciprocal rank fusion (Cormack, Clarke & Büttcher 2009) of
    ours and theirs, equal sums by theirs. Nothing is lost: only these places change places."""
    cdef Result[RERANKED] old
    cdef double[RERANKED] sum
    cdef uint32_t i, k, best
    for i in range(n):
        old[i] = items[sent[i]]
        sum[i] = 1.0 / (FUSION + i) + 1.0 / (FUSION + rank_[i])
    for k in range(n):
        best = n
        for i in range(n):
            if sum[i] > 0 and (best == n or sum[i] > sum[best] or (sum[i] == sum[best] and rank_[i] < rank_[best])):
                best = i
        items[sent[k]] = old[best]
        sum[best] = 0


cdef inline int rerank(Session* s, const char* program, Results* results) noexcept nogil:
    """Lets the provider order the best places. 0, or an exit status when that is all."""
    cdef uint32_t[RERANKED] sent
    cdef uint32_t[RERANKED] rank_
    cdef uint32_t n
    cdef int status
    if args_last(s.args, FLAG_SEND_CODE) == NULL and not s.dry:
        return complain(b"--rerank sends lines of your code to the provider; to allow that, say: ",
                        b"greppy config smart.send_code true", b"")
    if not ask_somebody(&s.ask):
        return complain(b"--rerank needs a provider; choose one with: greppy login PROVIDER", b"", b"")
    if results.n == 0:
        return 0
    s.ask.body.len = 0
    if not s.dry:
        complain(b"lines of the best places go to ", s.ask.provider,
                 <const char*>b"" if ask_stays(&s.ask) else <const char*>b": code leaves this machine")
    s.ask.chosen = True  # who asks for an order wants to hear why there is none
    if not ask_begin(&s.ask, program, s.root, s.args.places[0], timeout_text(s), b"--places", s.required, s.dry):
        return complain(b"cannot start greppy again: ", strerror(errno), b"")
    if _send_places(s, results, sent, &n):
        return EXIT_ERROR
    if s.dry:
        return DRY_SHOWN if ask_print(&s.ask) else EXIT_ERROR
    status = ask_end(&s.ask)
    if status == CHILD_SIGNALED:
        complain(s.ask.provider, b" gave no order in time",
                 <const char*>b"" if s.required else <const char*>b"; the order is greppy's own")
    if status:
        return EXIT_ERROR if s.required else 0
    if _order(&s.ask.body, n, rank_):
        _fuse(results.items, sent, n, rank_)
    return 0
