# cython: language_level=3
"""`greppy search` from arguments to exit status: ask, rank, print."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t, int64_t
from libc.stddef cimport size_t
from libc.stdlib cimport free
from libc.string cimport memset, strlen, strerror
from _core.ask cimport ask_begin, ask_cache, ask_end, ask_paused, ask_print, ask_somebody
from _core.base cimport Bytes, bytes_add, bytes_byte, bytes_free, bytes_init, bytes_str, bytes_uint, same_bytes
from _core.candidates cimport Result, Results, further_limit
from _core.child cimport CHILD_SIGNALED, child_end
from _core.first cimport first_keep
from _core.flags cimport Args
from _core.match cimport matcher_init
from _core.outline cimport KIND_COUNT, kind_name
from _core.opening cimport damaged, locate, open_index, write_prefix
from _core.place cimport place_load
from _core.query cimport query_parse, TERMS
from _core.rank cimport result_signals
from _core.render cimport (
    render_text, render_path, render_signals, printed_signals, json_place, json_text, json_number, terminal_rows,
)
from _core.rerank cimport rerank
from _core.say cimport EXIT_ERROR, EXIT_FOUND, EXIT_NOTHING, complain
from _core.segment cimport Segment, one_file, one_path
from _core.session cimport DRY_SHOWN, FLUSH, JSON_TAIL, RERANKED, TOKEN_BYTES, Session, flush, options, timeout_text
from _core.signals cimport SIGNAL_END, Weights, default_weights
from _core.smart cimport Answer, answer_read, smart_expand, smart_question, smart_rank
from _core.source cimport SOURCE_OK, SOURCE_CHANGED, SOURCE_DAMAGED, source_read
from _core.spell cimport spell
from _core.sys cimport clock_ns, errno, EPIPE


# ----------------------------------------------------------------------------------------------------- the results

cdef inline void _json_answer(Session* s) noexcept nogil:
    cdef uint32_t i
    cdef bint first = True
    cdef const Answer* a = &s.ask.answer
    bytes_str(&s.out, b",\"smart\":{\"by\":")
    if a.given:
        json_text(&s.out, <const uint8_t*>s.ask.provider, strlen(s.ask.provider))
        bytes_str(&s.out, b",\"intent\":")
        json_text(&s.out, a.intent.at, a.intent.len)
        bytes_str(&s.out, b",\"without_tests\":")
        bytes_str(&s.out, b"true" if a.narrowed and a.without_tests else b"false")
        bytes_str(&s.out, b",\"globs\":[")
        for i in range(a.n_globs if a.narrowed else 0):
            bytes_str(&s.out, b"," if i else b"")
            json_text(&s.out, a.globs[i].at, a.globs[i].len)
        bytes_str(&s.out, b"],\"filters_dropped\":")
        bytes_str(&s.out, b"true" if a.dropped else b"false")
    else:
        bytes_str(&s.out, b"\"synonyms\"")
    bytes_str(&s.out, b",\"added\":[")
    for i in range(s.query.n_asked, s.query.n_terms):
        if s.query.terms[i].text[0] != 61:
            bytes_str(&s.out, b"" if first else b",")
            json_text(&s.out, s.query.terms[i].text, s.query.terms[i].len)
            first = False
    bytes_str(&s.out, b"]}")


cdef inline void _json_head(Session* s) noexcept nogil:
    bytes_str(&s.out, b"{\"query\":")
    json_text(&s.out, <const uint8_t*>s.args.places[0], strlen(s.args.places[0]))
    bytes_str(&s.out, b",\"project\":")
    json_text(&s.out, <const uint8_t*>s.root, s.root_n)
    if s.corrected.len:
        bytes_str(&s.out, b",\"corrected\":")
        json_text(&s.out, s.corrected.data, s.corrected.len)
    if s.widened:
        _json_answer(s)
    elif s.smart:
        bytes_str(&s.out, b",\"smart\":{\"by\":null}")  # a sentence on standard error says why
    bytes_str(&s.out, b",\"results\":[")


cdef inline int _still_there(Session* s, const Result* r) noexcept nogil:
    """For a list of files it is enough that the file is still what was indexed: a SourceStatus, the path in `place`."""
    cdef Segment* g = &s.index.segments[r.segment]
    s.place.file = one_file(g, r.file)
    if s.place.file == NULL:
        return SOURCE_DAMAGED
    s.place.path = one_path(g, s.place.file)
    if s.place.path == NULL:
        return SOURCE_DAMAGED
    return source_read(&s.index, s.place.file, s.place.path, 0, 0, &s.place.text, NULL, 0, 0)


cdef inline int _too_long(Session* s) noexcept nogil:
    """The first result alone is over the budget: to print nothing and call it "nothing found" would be a lie."""
    cdef uint64_t tokens = (s.out.len + (JSON_TAIL if s.json else 0) + TOKEN_BYTES - 1) // TOKEN_BYTES
    s.out.len = 0
    bytes_str(&s.out, b"the best result alone has ")
    bytes_uint(&s.out, tokens)
    bytes_str(&s.out, b" tokens, more than --max-tokens ")
    bytes_uint(&s.out, s.budget // TOKEN_BYTES)
    bytes_byte(&s.out, 0)
    return complain(<const char*>s.out.data, b"", b"")


cdef inline int _look_further(Session* s, const Results* results, Results* more) noexcept nogil:
    """Places that are not in `results`, of which so many have changed that too few are left. 0, or EXIT_ERROR after a
    sentence."""
    cdef Weights weights
    cdef double[TERMS] values
    cdef uint32_t i, k, n = 0
    default_weights(&weights)
    if _ranked(s, further_limit(s.limit), &weights, values, more):
        return EXIT_ERROR
    for i in range(more.n):
        for k in range(results.n):
            if results.items[k].segment == more.items[i].segment and results.items[k].file == more.items[i].file and (
                    s.files_only or results.items[k].chunk == more.items[i].chunk):
                break
        else:
            more.items[n] = more.items[i]
            n += 1
    more.n = n
    return 0


cdef inline int _show(Session* s, const Results* results, int64_t began) noexcept nogil:
    """Prints the first `limit` places that still hold; an exit status."""
    cdef uint32_t i = s.next, shown = s.shown_places, last_file = 0, last_segment = 0
    cdef size_t mark
    cdef double[SIGNAL_END] values
    cdef const double* signals = values if s.explain else NULL
    cdef const Results* all_ = results
    cdef Results more
    cdef const Result* r
    cdef int status
    cdef bint changed = False
    cdef bint whole = s.style.before > 0 or s.style.after > 0
    if s.json:
        _json_head(s)
    if s.next:
        last_file = results.items[s.next - 1].file
        last_segment = results.items[s.next - 1].segment
    while shown < s.limit:
        if i == all_.n:
            if all_ != results or not changed or not results.full or s.ask.asking:
                break
            if _look_further(s, results, &more):
                s.out.len = 0 if shown == 0 else s.out.len
                return EXIT_ERROR
            all_ = &more
            i = 0
            continue
        r = &all_.items[i]
        i += 1
        if s.files_only:
            status = _still_there(s, r)
        else:
            status = place_load(&s.index, r, &s.matcher, whole and not (s.json or s.jsonl), s.json or s.jsonl, &s.place)
        if status == SOURCE_CHANGED:
            changed = True
            continue
        if status != SOURCE_OK:
            s.out.len = 0 if shown == 0 else s.out.len
            return damaged(s) if status == SOURCE_DAMAGED else complain(b"not enough memory", b"", b"")
        mark = s.out.len
        if s.explain:
            result_signals(all_, r, values)
            printed_signals(r.score, values)
        if s.json or s.jsonl:
            if s.json and shown:
                bytes_byte(&s.out, 44)
            json_place(&s.out, &s.style, &s.place, r.score, signals)
            if s.jsonl:
                bytes_byte(&s.out, 10)
        elif s.files_only:
            render_path(&s.out, &s.style, s.place.path, s.place.file.path_len)
            if s.count:
                bytes_byte(&s.out, 0 if s.style.nul else 58)
                bytes_uint(&s.out, all_.details[r.candidate].places)
            bytes_byte(&s.out, 0 if s.style.nul and not s.count else 10)
        else:
            render_text(&s.out, &s.style, &s.matcher, &s.place,
                        shown > 0 and last_file == r.file and last_segment == r.segment, shown == 0)
            if s.explain:
                render_signals(&s.out, &s.style, r.score, values)
        if s.budget and s.printed + s.out.len + (JSON_TAIL if s.json else 0) > s.budget:
            if shown == 0:
                return _too_long(s)
            s.out.len = mark
            break
        if s.ask.asking and s.erasable and not s.held and shown and (
                s.rows + terminal_rows(s.out.data, s.out.len, s.style.width) >= s.screen):
            s.out.len = mark  # what scrolls away could not make room for the answer
            s.next = i - 1
            s.shown_places = shown
            break
        last_file = r.file
        last_segment = r.segment
        shown += 1
        # A JSON document leaves whole or not at all, JSON lines each at once, of text the first result, which is all
        # that `head -n 1` waits for, and then when there is enough of it.
        if (s.jsonl or (not s.json and (shown == 1 or s.out.len >= FLUSH))) and not flush(s):
            break
    if s.json:
        bytes_str(&s.out, b"],\"total\":")
        bytes_uint(&s.out, shown)
        bytes_str(&s.out, b",\"elapsed_ms\":")
        json_number(&s.out, <double>(clock_ns(False) - began) / 1e6, 3)
        bytes_str(&s.out, b",\"cached\":true}\n" if s.ask.cached else b",\"cached\":false}\n")
    flush(s)
    if s.broken and errno != EPIPE:
        return EXIT_ERROR
    return EXIT_FOUND if shown else EXIT_NOTHING


cdef inline bint _any_damage(Session* s) noexcept nogil:
    cdef uint32_t i
    for i in range(s.index.n_segments):
        if s.index.segments[i].store.damaged:
            return True
    return False


# -------------------------------------------------------------------------------------------------- other words for it

cdef inline void keep_first(Session* s) noexcept nogil:
    """What a first search has built becomes the index."""
    cdef int error
    if s.first.made:
        error = first_keep(&s.first)
        s.first.made = False
        if error:
            complain(b"the index could not be kept, the next search builds it again: ", strerror(error), b"")


cdef inline int _unanswered(Session* s, const char* why) noexcept nogil:
    """Says why a provider that was chosen gives no answer. From then on the search is a plain one, unless it must not
    be: then EXIT_ERROR."""
    complain(s.ask.provider, why, b"" if s.required else b"; the results are those of a plain search")
    s.out.len = 0
    s.widened = False
    return EXIT_ERROR if s.required else 0


cdef inline int _ask(Session* s, const char* program) noexcept nogil:
    """The answer from the cache, or somebody starts asking, or a sentence says why not. 0; EXIT_ERROR when there must
    be an answer and will be none."""
    cdef int64_t pause
    if ask_cache(&s.ask, &s.query):
        return 0
    if not ask_somebody(&s.ask):
        return 0 if not s.required else complain(
            b"--require-smart needs a provider; choose one with: greppy login PROVIDER", b"", b"")
    keep_first(s)  # who asks looks there for the project's languages
    pause = ask_paused(&s.ask)
    if pause == 0 and ask_begin(
            &s.ask, program, s.root, s.args.places[0], timeout_text(s), b"--packed", s.required, False):
        return 0
    if not s.ask.chosen and not s.required:
        return 0
    if pause == 0:
        return _unanswered(s, b" cannot be asked")
    bytes_str(&s.out, b" has failed and is left alone for ")
    bytes_uint(&s.out, <uint64_t>pause)
    bytes_str(&s.out, b" s")
    bytes_byte(&s.out, 0)
    return _unanswered(s, <const char*>s.out.data)


cdef inline int _answered(Session* s) noexcept nogil:
    """Waits for the answer. 0; EXIT_ERROR when there must be one and is none. The process that asked says why."""
    cdef int status = ask_end(&s.ask)
    if status == EXIT_FOUND and answer_read(s.ask.body.data, s.ask.body.len, &s.ask.answer):
        return 0
    s.ask.answer.given = False
    if status == CHILD_SIGNALED and s.ask.chosen:
        return _unanswered(s, b" gave no answer in time")
    s.widened = not s.ask.chosen  # the process has said that these are plain results
    return EXIT_ERROR if s.required else 0


cdef inline int _dry_run(Session* s, const char* program) noexcept nogil:
    """Prints what would be sent, and to whom. DRY_SHOWN or EXIT_ERROR."""
    if not ask_somebody(&s.ask):
        return complain(b"nothing would be sent, as there is no provider; greppy login PROVIDER chooses one", b"", b"")
    s.ask.chosen = True
    if not ask_begin(&s.ask, program, s.root, s.args.places[0], timeout_text(s), b"--packed", False, True):
        return complain(b"cannot start greppy again: ", strerror(errno), b"")
    return DRY_SHOWN if ask_print(&s.ask) else EXIT_ERROR


cdef inline void _explain_answer(Session* s) noexcept nogil:
    """What was added to the question, a line on standard error."""
    cdef uint32_t i, n = 0
    cdef const Answer* a = &s.ask.answer
    if s.query.n_terms == s.query.n_asked and not smart_question(&s.query):
        complain(b"--smart looks a name or a place up as it is", b"", b"")
        return
    bytes_str(&s.out, b"--smart (")
    bytes_str(&s.out, s.ask.provider if a.given else <const char*>b"synonyms")
    bytes_str(&s.out, b", from the cache" if s.ask.cached else b"")
    bytes_str(&s.out, b") also looks for:")
    for i in range(s.query.n_asked, s.query.n_terms):
        if s.query.terms[i].text[0] != 61:  # a whole shows as its bytes, or as a part of them
            bytes_byte(&s.out, 32)
            bytes_add(&s.out, s.query.terms[i].text, s.query.terms[i].len)
            n += 1
    bytes_str(&s.out, b"" if n else b" nothing else")
    if a.given:
        bytes_str(&s.out, b"; ")
        bytes_add(&s.out, a.intent.at, a.intent.len)
        if s.query.kinds:
            bytes_str(&s.out, b"; shows rather")
            for i in range(1, KIND_COUNT):
                if (s.query.kinds >> i) & 1:
                    bytes_byte(&s.out, 32)
                    bytes_str(&s.out, kind_name(<int>i))
        bytes_str(&s.out, b"; without tests" if a.narrowed and a.without_tests else b"")
        bytes_str(&s.out, b"; only" if a.narrowed and a.n_globs else b"")
        for i in range(a.n_globs if a.narrowed else 0):
            bytes_byte(&s.out, 32)
            bytes_add(&s.out, a.globs[i].at, a.globs[i].len)
        bytes_str(&s.out, b"; its filters left nothing and were dropped" if a.dropped else b"")
    bytes_byte(&s.out, 0)
    complain(<const char*>s.out.data, b"", b"")
    s.out.len = 0


# --------------------------------------------------------------------------------------------------------- the search

cdef inline int _ranked(Session* s, uint32_t limit, const Weights* weights, double* values,
                        Results* results) noexcept nogil:
    """Ranks what was asked, for `limit` places. 0, or EXIT_ERROR after a sentence."""
    while True:
        smart_rank(&s.index, &s.query, &s.filter, weights, &s.ask.answer, limit, s.files_only, s.explain or s.count,
                   values, results)
        if results.failed or not s.files_only or not results.full or results.n >= s.limit or _any_damage(s):
            break
        # The best chunks were of fewer files than were asked for: a list of files must look further.
        free(results.items)
        free(results.details)
        limit *= 8
    if results.failed:
        return complain(b"not enough memory", b"", b"")
    if _any_damage(s):
        return damaged(s)
    matcher_init(&s.matcher, &s.query, values)
    return 0


cdef inline int _again(Session* s, const Results* results) noexcept nogil:
    """Shows results in the place of those on the terminal, unless they look the same; what has scrolled away stays,
    above a line that says so. An exit status."""
    cdef Bytes back
    cdef int status
    s.next = s.shown_places = 0
    s.held = True
    status = _show(s, results, 0)
    s.held = False
    if status == EXIT_ERROR or (s.out.len == s.shown.len and same_bytes(s.out.data, s.shown.data, s.out.len)):
        return status
    bytes_init(&back)
    if s.rows >= s.screen:
        bytes_str(&back, b"\n-- with what ")
        bytes_str(&back, s.ask.provider)
        bytes_str(&back, b" says:\n")
    elif s.rows:
        bytes_str(&back, b"\r\x1b[")
        bytes_uint(&back, s.rows)
        bytes_str(&back, b"A\x1b[J")
    bytes_add(&back, s.out.data, s.out.len)
    s.out.len = 0
    bytes_add(&s.out, back.data, back.len)
    bytes_free(&back)
    return status if flush(s) or errno == EPIPE else EXIT_ERROR


cdef inline void _correct(Session* s) noexcept nogil:
    """A mistyped name becomes the one that exists, which is said."""
    cdef const uint8_t* text = <const uint8_t*>s.args.places[0]
    if not spell(&s.index, text, strlen(s.args.places[0]), &s.query, &s.corrected):
        return
    query_parse(s.corrected.data, s.corrected.len, &s.query)
    bytes_str(&s.out, b"nothing is called so; these are for: ")
    bytes_add(&s.out, s.corrected.data, s.corrected.len)
    bytes_byte(&s.out, 0)
    complain(<const char*>s.out.data, b"", b"")
    s.out.len = 0


cdef inline int _ready(Session* s, const char* program) noexcept nogil:
    """Question, project, index; and somebody has been asked what the question means. 0, or an exit status."""
    cdef const char* text
    cdef int status
    if s.args.n_places == 0:
        return complain(b"what should be searched for? greppy search QUERY [PATH...]", b"", b"")
    status = options(s)
    if status:
        return status
    text = s.args.places[0]
    query_parse(<const uint8_t*>text, strlen(text), &s.query)
    if s.query.n_terms == 0:
        return complain(b"the query has no letter and no digit: there is nothing to look up", b"", b"")
    status = locate(s)
    if status:
        return status
    if s.smart and s.dry and not s.rerank:
        if smart_question(&s.query):
            return _dry_run(s, program)
        complain(b"nothing would be sent: a name or a place is looked up as it is", b"", b"")
        return EXIT_NOTHING
    status = open_index(s, program)
    s.widened = s.smart
    if status == 0 and s.smart and not s.dry and smart_question(&s.query):
        status = _ask(s, program)
    if status == 0:
        write_prefix(s)
        _correct(s)
    return status


cdef inline int _meanwhile(Session* s, const Weights* weights, Results* plain) noexcept nogil:
    """Shows somebody who is looking what is known before the answer, and waits for that. 0 or EXIT_ERROR; `plain` has
    what was shown."""
    cdef double[TERMS] values
    if s.erasable and not (s.required or s.rerank or s.json or s.jsonl or s.budget or s.explain):
        if _ranked(s, s.limit, weights, values, plain) or _show(s, plain, 0) == EXIT_ERROR:
            return EXIT_ERROR
    return _answered(s)


cdef inline int _search(Session* s, const char* program) noexcept nogil:
    cdef Weights weights
    cdef Results results
    cdef Results plain
    cdef double[TERMS] values
    cdef int64_t began = clock_ns(False)
    cdef int status = _ready(s, program)
    if status:
        return status if status != DRY_SHOWN else EXIT_FOUND
    default_weights(&weights)
    memset(&plain, 0, sizeof(plain))
    if s.ask.asking:
        status = _meanwhile(s, &weights, &plain)
        if status:
            return status
    if plain.items != NULL and not s.widened:
        if s.next:
            return _show(s, &plain, 0)  # what did not fit
        return EXIT_FOUND if s.printed else EXIT_NOTHING
    if s.widened:
        smart_expand(&s.index, &s.query, &s.ask.answer)
    status = _ranked(s, s.limit if s.limit > RERANKED or not s.rerank else RERANKED, &weights, values, &results)
    if status:
        return status
    if plain.items != NULL:
        return _again(s, &results)
    if s.explain and s.widened and not (s.json or s.jsonl):
        _explain_answer(s)
    if s.rerank:
        status = rerank(s, program, &results)
        if status:
            return status if status != DRY_SHOWN else EXIT_FOUND
    return _show(s, &results, began)


cdef inline int search_main(Session* s, const Args* args, const char* program) noexcept nogil:
    """Runs one search; the exit status. `s` is all zeros, `program` is argv[0].

    Nothing is given back: the process ends after it, and the kernel does that once more cheaply than we would."""
    cdef int status
    s.args = args
    s.index.root_fd = -1
    status = _search(s, program)
    if s.ask.asking:
        child_end(&s.ask.child)  # nobody waits for it any more
    keep_first(s)
    return status
