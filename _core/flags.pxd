# cython: language_level=3
"""The one table of commands and flags. Parser, `--help`, and (through the Python door) everything else come from it."""
from libc.stdint cimport uint8_t, uint32_t
from libc.stddef cimport size_t
from libc.string cimport strlen, strcmp, strncmp, memset
from _core.base cimport Bytes, bytes_add, bytes_byte, bytes_str

cdef enum Command:
    CMD_NONE = 0
    CMD_SEARCH = 1
    CMD_INDEX
    CMD_STATUS
    CMD_LIST
    CMD_FORGET
    CMD_CHECK
    CMD_START
    CMD_STOP
    CMD_EXPAND
    CMD_LOGIN
    CMD_LOGOUT
    CMD_MODEL
    CMD_AUTH
    CMD_CACHE
    CMD_CONFIG
    CMD_COMPLETIONS
    CMD_MAN
    CMD_DOCTOR
    CMD_END

cdef enum FlagId:
    FLAG_LIMIT = 0
    FLAG_FILES
    FLAG_COUNT
    FLAG_NULL
    FLAG_CHUNK
    FLAG_AFTER
    FLAG_BEFORE
    FLAG_CONTEXT
    FLAG_MAX_TOKENS
    FLAG_JSON
    FLAG_JSONL
    FLAG_EXPLAIN
    FLAG_COLOR
    FLAG_GLOB
    FLAG_TYPE
    FLAG_TYPE_NOT
    FLAG_KIND
    FLAG_NO_TESTS
    FLAG_NO_REFRESH
    FLAG_SMART
    FLAG_NO_SMART
    FLAG_RERANK
    FLAG_REQUIRE_SMART
    FLAG_DRY_RUN
    FLAG_PROVIDER
    FLAG_MODEL
    FLAG_BASE_URL
    FLAG_TIMEOUT
    FLAG_SEND_CODE
    FLAG_PACKED
    FLAG_PLACES
    FLAG_DIRECT
    FLAG_FORCE
    FLAG_MAX_FILESIZE
    FLAG_THREADS
    FLAG_SECRETS
    FLAG_NO_SECRETS
    FLAG_STRICT
    FLAG_QUIET
    FLAG_GONE
    FLAG_REPAIR
    FLAG_FOREGROUND
    FLAG_UNIT
    FLAG_ALERT_P99
    FLAG_ALERT_GROWTH
    FLAG_ALERT_HITS
    FLAG_ALERT_ERRORS
    FLAG_PROMETHEUS
    FLAG_EVENTS
    FLAG_UNSET
    FLAG_PATH
    FLAG_NO_CONFIG
    FLAG_PROJECT
    FLAG_HELP
    FLAG_VERSION
    FLAG_END

cdef enum ArgsMax:
    ARGS_FLAGS = 256
    ARGS_PLACES = 257
    MESSAGE = 512

cdef struct Flag:
    const char* long_name
    char short_name          # 0: none
    const char* value        # what the help calls its value; NULL: a switch
    const char* help
    int commands             # bit set of 1 << Command
    bint hidden              # accepted, not shown

cdef struct Given:
    int flag
    const char* value

cdef struct Args:
    int command
    bint help                # --help or `help`
    bint version
    int n_flags
    int n_config             # how many of them come from the configuration: the first ones
    Given[ARGS_FLAGS] flags
    int n_places
    const char* places[ARGS_PLACES]   # what is no flag, in order
    char[MESSAGE] error      # empty: the line makes sense


cdef inline const char* command_name(int command) noexcept nogil:
    if command == CMD_SEARCH:
        return b"search"
    if command == CMD_INDEX:
        return b"index"
    if command == CMD_STATUS:
        return b"status"
    if command == CMD_LIST:
        return b"list"
    if command == CMD_FORGET:
        return b"forget"
    if command == CMD_CHECK:
        return b"check"
    if command == CMD_START:
        return b"start"
    if command == CMD_STOP:
        return b"stop"
    if command == CMD_EXPAND:
        return b"expand"
    if command == CMD_LOGIN:
        return b"login"
    if command == CMD_LOGOUT:
        return b"logout"
    if command == CMD_MODEL:
        return b"model"
    if command == CMD_AUTH:
        return b"auth"
    if command == CMD_CACHE:
        return b"cache"
    if command == CMD_CONFIG:
        return b"config"
    if command == CMD_COMPLETIONS:
        return b"completions"
    if command == CMD_MAN:
        return b"man"
    if command == CMD_DOCTOR:
        return b"doctor"
    return b""


cdef inline const char* command_alias(int command) noexcept nogil:
    """A shorter name; "" for most."""
    if command == CMD_SEARCH:
        return b"s"
    if command == CMD_INDEX:
        return b"i"
    return b""


cdef inline const char* command_usage(int command) noexcept nogil:
    """How it is called. The words behind [FLAGS] say what may stand there: the completions know PATH, KEY, SHELL and
    PROVIDER, and words in small letters, which stand for themselves."""
    if command == CMD_SEARCH:
        return b"search [FLAGS] QUERY [PATH...]"
    if command == CMD_INDEX:
        return b"index [FLAGS]"
    if command == CMD_STATUS:
        return b"status [FLAGS]"
    if command == CMD_LIST:
        return b"list [FLAGS]"
    if command == CMD_FORGET:
        return b"forget [FLAGS] [PATH...]"
    if command == CMD_CHECK:
        return b"check [FLAGS]"
    if command == CMD_START:
        return b"start [FLAGS] [PATH...]"
    if command == CMD_STOP:
        return b"stop"
    if command == CMD_EXPAND:
        return b"expand [FLAGS] QUERY"
    if command == CMD_LOGIN:
        return b"login [FLAGS] PROVIDER"
    if command == CMD_LOGOUT:
        return b"logout [PROVIDER]"
    if command == CMD_MODEL:
        return b"model [NAME]"
    if command == CMD_AUTH:
        return b"auth status"
    if command == CMD_CACHE:
        return b"cache [FLAGS] stats|list|clear"
    if command == CMD_CONFIG:
        return b"config [FLAGS] [KEY [VALUE]]"
    if command == CMD_COMPLETIONS:
        return b"completions SHELL"
    if command == CMD_MAN:
        return b"man"
    if command == CMD_DOCTOR:
        return b"doctor"
    return b""


cdef inline const char* command_help(int command) noexcept nogil:
    if command == CMD_SEARCH:
        return b"find the code that QUERY is about, best first (alias: s)"
    if command == CMD_INDEX:
        return b"build the project's index, or bring it up to date (alias: i)"
    if command == CMD_STATUS:
        return b"tell what is indexed here and whether it is up to date"
    if command == CMD_LIST:
        return b"list all projects that have an index"
    if command == CMD_FORGET:
        return b"remove a project's index; your files stay"
    if command == CMD_CHECK:
        return b"verify that the index holds what was written"
    if command == CMD_START:
        return b"start the daemon, which keeps projects fresh while files change"
    if command == CMD_STOP:
        return b"end the daemon"
    if command == CMD_EXPAND:
        return b"tell what search --smart would add to QUERY, asking the provider if need be"
    if command == CMD_LOGIN:
        return b"let PROVIDER (anthropic, openai, gemini, ollama) answer search --smart"
    if command == CMD_LOGOUT:
        return b"forget PROVIDER's key, and ask it no more"
    if command == CMD_MODEL:
        return b"show or choose the model that the provider uses"
    if command == CMD_AUTH:
        return b"tell which provider is asked, and where its key comes from"
    if command == CMD_CACHE:
        return b"tell about, list or remove the answers that search --smart keeps"
    if command == CMD_CONFIG:
        return b"show or change the defaults of the flags"
    if command == CMD_COMPLETIONS:
        return b"print completions for bash, zsh or fish"
    if command == CMD_MAN:
        return b"print the manual page"
    if command == CMD_DOCTOR:
        return b"tell what is wrong on this machine, if anything"
    return b""


cdef inline const char* command_examples(int command) noexcept nogil:
    """Lines of the help, each two blanks in."""
    if command == CMD_SEARCH:
        return (
            b"  greppy search \"retry with backoff\"         what is said or done anywhere in the project\n"
            b"  greppy search HTTPServer                   a name: its definition comes first\n"
            b"  greppy search \"parse date\" src/ -t python  only Python below src/\n"
            b"  greppy search TODO -g '*.rs' -g '!gen/**'  only Rust, nothing generated\n"
            b"  greppy search \"open socket\" | head -1      path:line:text, made for pipes\n"
            b"  greppy search -s \"how does login work\"     also what says it in other words\n")
    if command == CMD_INDEX:
        return (
            b"  greppy index                               the project around the current folder\n"
            b"  greppy index -p ~/src/linux                another one\n"
            b"  greppy index --force                       from nothing, when in doubt\n")
    if command == CMD_STATUS:
        return (
            b"  greppy status                              of the project around the current folder\n"
            b"  greppy status -p ~/src/linux               of another one\n"
            b"  greppy status --json | jq .files           for programs\n"
            b"  greppy status --prometheus                 what the daemon has counted\n")
    if command == CMD_LIST:
        return (
            b"  greppy list                                a line a project: size, files, when, root\n"
            b"  greppy list --json | jq '.projects[].root' for programs\n")
    if command == CMD_FORGET:
        return (
            b"  greppy forget                              the project around the current folder\n"
            b"  greppy forget ~/src/linux ~/src/old        these two\n"
            b"  greppy forget --gone                       every project whose folder is no longer there\n")
    if command == CMD_CHECK:
        return (
            b"  greppy check                               exit status 0: sound, 1: damaged, 2: an error\n"
            b"  greppy check --repair                      build it anew if it is damaged\n")
    if command == CMD_START:
        return (
            b"  greppy start                               watch the project around here, and those of last time\n"
            b"  greppy start ~/src/linux ~/src/shop        these too; a daemon that runs already takes them over\n"
            b"  greppy start --unit > ~/.config/systemd/user/greppy.service\n")
    if command == CMD_STOP:
        return b"  greppy stop                                exit status 1 when none was running\n"
    if command == CMD_EXPAND:
        return (
            b"  greppy expand \"how does login work\"        one JSON object\n"
            b"  greppy expand --dry-run \"how to log in\"    what would be sent, and where to\n")
    if command == CMD_LOGIN:
        return (
            b"  greppy login anthropic                     asks for the key; or: echo $KEY | greppy login anthropic\n"
            b"  greppy login openai --base-url http://localhost:8000/v1   vLLM, llama.cpp, LM Studio\n"
            b"  greppy login ollama                        on this machine, without a key\n")
    if command == CMD_LOGOUT:
        return b"  greppy logout                              the provider that is asked now\n"
    if command == CMD_MODEL:
        return (
            b"  greppy model                               which one is it now?\n"
            b"  greppy model claude-haiku-4-5              from now on this one\n")
    if command == CMD_AUTH:
        return b"  greppy auth status                         exit status 1 when nobody is asked\n"
    if command == CMD_CACHE:
        return (
            b"  greppy cache stats                         how many, how often they were of use\n"
            b"  greppy cache list                          the questions, the one used last first\n"
            b"  greppy cache clear                         all of them\n")
    if command == CMD_CONFIG:
        return (
            b"  greppy config                              every key, its value and what it is for\n"
            b"  greppy config limit 50                     from now on the best 50 places\n"
            b"  greppy config limit                        what is it now?\n"
            b"  greppy config --unset limit                as it was\n"
            b"  $EDITOR \"$(greppy config --path)\"         the file itself\n")
    if command == CMD_COMPLETIONS:
        return (
            b"  greppy completions bash > ~/.local/share/bash-completion/completions/greppy\n"
            b"  greppy completions zsh > ~/.zfunc/_greppy  a folder of your $fpath, before compinit runs\n"
            b"  greppy completions fish > ~/.config/fish/completions/greppy.fish\n")
    if command == CMD_MAN:
        return (
            b"  greppy man | man -l -                      read it\n"
            b"  greppy man > ~/.local/share/man/man1/greppy.1\n")
    if command == CMD_DOCTOR:
        return b"  greppy doctor                              a line a thing; exit status 1 when one is wrong\n"
    return b""


cdef inline int command_by_name(const char* s) noexcept nogil:
    cdef int i
    for i in range(1, CMD_END):
        if s[0] and (strcmp(s, command_name(i)) == 0 or strcmp(s, command_alias(i)) == 0):
            return i
    return CMD_NONE


cdef inline void _set(Flag* f, const char* long_name, char short_name, const char* value, int commands,
                      const char* help) noexcept nogil:
    f.long_name = long_name
    f.short_name = short_name
    f.value = value
    f.help = help
    f.commands = commands
    f.hidden = False


cdef inline void flag_get(int id, Flag* f) noexcept nogil:
    """The row of the table. The order of FlagId is the order of the help."""
    cdef int search = 1 << CMD_SEARCH
    cdef int index = 1 << CMD_INDEX
    cdef int shown = 1 << CMD_STATUS | 1 << CMD_LIST | 1 << CMD_CACHE
    cdef int start = 1 << CMD_START
    cdef int expand = 1 << CMD_EXPAND
    cdef int asking = search | expand
    cdef int one = search | index | expand | 1 << CMD_STATUS | 1 << CMD_CHECK
    cdef int all = (1 << CMD_END) - 2
    if id == FLAG_LIMIT:
        _set(f, b"limit", 110, b"N", search, b"show the best N places (20)")
    elif id == FLAG_FILES:
        _set(f, b"files", 108, NULL, search, b"only the paths of the files, best first")
    elif id == FLAG_COUNT:
        _set(f, b"count", 99, NULL, search, b"the same files, path:N: how many of each file's chunks match")
    elif id == FLAG_NULL:
        _set(f, b"null", 48, NULL, search, b"end each path with a NUL byte; with -l, for xargs -0")
    elif id == FLAG_CHUNK:
        _set(f, b"chunk", 0, NULL, search, b"show the whole chunk of code, not its best line")
    elif id == FLAG_AFTER:
        _set(f, b"after-context", 65, b"N", search, b"show N lines after the best line")
    elif id == FLAG_BEFORE:
        _set(f, b"before-context", 66, b"N", search, b"show N lines before the best line")
    elif id == FLAG_CONTEXT:
        _set(f, b"context", 67, b"N", search, b"show N lines around the best line")
    elif id == FLAG_MAX_TOKENS:
        _set(f, b"max-tokens", 0, b"N", search, b"stop before the result that would make it more than N tokens")
    elif id == FLAG_JSON:
        _set(f, b"json", 0, NULL, search | shown, b"one JSON document")
    elif id == FLAG_JSONL:
        _set(f, b"jsonl", 0, NULL, search, b"one JSON object a line, as each result is found")
    elif id == FLAG_EXPLAIN:
        _set(f, b"explain", 0, NULL, search, b"how each score came about: signals that add up to it")
    elif id == FLAG_COLOR:
        _set(f, b"color", 0, b"WHEN", search, b"colours: auto, always or never (auto: on a terminal)")
    elif id == FLAG_GLOB:
        _set(f, b"glob", 103, b"GLOB", search,
             b"only files that match; '!GLOB' leaves them out; the last match decides")
    elif id == FLAG_TYPE:
        _set(f, b"type", 116, b"LANG", search, b"only files of this language (python, rs, c++, ...)")
    elif id == FLAG_TYPE_NOT:
        _set(f, b"type-not", 84, b"LANG", search, b"no files of this language")
    elif id == FLAG_KIND:
        _set(f, b"kind", 107, b"KIND", search, b"only chunks that define a function, method, class, struct, ...")
    elif id == FLAG_NO_TESTS:
        _set(f, b"no-tests", 0, NULL, search, b"leave test files out")
    elif id == FLAG_NO_REFRESH:
        _set(f, b"no-refresh", 0, NULL, search, b"do not look for changed files first; what changed is left out")
    elif id == FLAG_SMART:
        _set(f, b"smart", 115, NULL, search, b"look also for what says it in other words")
    elif id == FLAG_NO_SMART:
        _set(f, b"no-smart", 0, NULL, search, b"a plain search, whatever the configuration says")
    elif id == FLAG_RERANK:
        _set(f, b"rerank", 0, NULL, search, b"let the provider order the best 30 places; sends their code, see below")
    elif id == FLAG_REQUIRE_SMART:
        _set(f, b"require-smart", 0, NULL, asking, b"exit status 2 when the provider gives no answer")
    elif id == FLAG_DRY_RUN:
        _set(f, b"dry-run", 0, NULL, asking, b"show what would be sent to the provider, and send nothing")
    elif id == FLAG_PROVIDER:
        _set(f, b"provider", 0, b"PROVIDER", asking, b"ask anthropic, openai, gemini or ollama (none: nobody)")
    elif id == FLAG_MODEL:
        _set(f, b"model", 0, b"NAME", asking, b"ask this model (the provider's default)")
    elif id == FLAG_BASE_URL:
        _set(f, b"base-url", 0, b"URL", asking | 1 << CMD_LOGIN, b"where an OpenAI-compatible or Ollama server is")
    elif id == FLAG_TIMEOUT:
        _set(f, b"timeout", 0, b"MS", asking, b"wait so many milliseconds for the provider (2000)")
    elif id == FLAG_SEND_CODE:
        _set(f, b"send-code", 0, NULL, asking, b"allow --rerank to send code to the provider")
        f.hidden = True
    elif id == FLAG_PACKED:
        _set(f, b"packed", 0, NULL, expand, b"the answer as the cache keeps it, for search")
        f.hidden = True
    elif id == FLAG_PLACES:
        _set(f, b"places", 0, NULL, expand, b"the order of the places that are read as JSON lines, for search")
        f.hidden = True
    elif id == FLAG_DIRECT:
        _set(f, b"direct", 100, NULL, search, b"accepted for the sake of old scripts; does nothing")
        f.hidden = True
    elif id == FLAG_FORCE:
        _set(f, b"force", 0, NULL, index, b"build anew even if nothing changed")
    elif id == FLAG_MAX_FILESIZE:
        _set(f, b"max-filesize", 0, b"SIZE", index, b"leave larger files out (1M; 0: no limit); remembered")
    elif id == FLAG_THREADS:
        _set(f, b"threads", 106, b"N", index, b"use N threads (one a core)")
    elif id == FLAG_SECRETS:
        _set(f, b"include-secrets", 0, NULL, index, b"index .env files, private keys and the like too; remembered")
    elif id == FLAG_NO_SECRETS:
        _set(f, b"no-include-secrets", 0, NULL, index, b"leave them out again")
    elif id == FLAG_STRICT:
        _set(f, b"strict", 0, NULL, index, b"exit status 2 when a file or folder cannot be read")
    elif id == FLAG_QUIET:
        _set(f, b"quiet", 113, NULL, index, b"no progress, no summary")
    elif id == FLAG_GONE:
        _set(f, b"gone", 0, NULL, 1 << CMD_FORGET, b"all projects whose folder is no longer there")
    elif id == FLAG_REPAIR:
        _set(f, b"repair", 0, NULL, 1 << CMD_CHECK, b"build the index anew when it is damaged")
    elif id == FLAG_FOREGROUND:
        _set(f, b"foreground", 0, NULL, start, b"stay in the foreground, for systemd and the like")
    elif id == FLAG_UNIT:
        _set(f, b"unit", 0, NULL, start, b"print a systemd user unit that starts it at login")
    elif id == FLAG_ALERT_P99:
        _set(f, b"alert-p99", 0, b"MS", start, b"complain when one search in a hundred takes longer (10)")
    elif id == FLAG_ALERT_GROWTH:
        _set(f, b"alert-growth", 0, b"MB", start, b"complain when memory grows faster an hour (10)")
    elif id == FLAG_ALERT_HITS:
        _set(f, b"alert-hits", 0, b"PERCENT", start, b"complain when fewer searches are answered from memory (80)")
    elif id == FLAG_ALERT_ERRORS:
        _set(f, b"alert-errors", 0, b"PERCENT", start, b"complain when more requests fail (1)")
    elif id == FLAG_PROMETHEUS:
        _set(f, b"prometheus", 0, NULL, 1 << CMD_STATUS, b"the daemon's metrics as Prometheus text")
    elif id == FLAG_EVENTS:
        _set(f, b"events", 0, NULL, index, b"progress and summary as JSON lines, for the daemon")
        f.hidden = True
    elif id == FLAG_UNSET:
        _set(f, b"unset", 0, b"KEY", 1 << CMD_CONFIG, b"take KEY out of the file, back to what greppy does by itself")
    elif id == FLAG_PATH:
        _set(f, b"path", 0, NULL, 1 << CMD_CONFIG, b"print where the file is, or would be")
    elif id == FLAG_NO_CONFIG:
        _set(f, b"no-config", 0, NULL, asking | index | start, b"do not read the configuration, see 'greppy config'")
    elif id == FLAG_PROJECT:
        _set(f, b"project", 112, b"DIR", one, b"the project's root (nearest folder up with an index, else with .git)")
    elif id == FLAG_HELP:
        _set(f, b"help", 104, NULL, all, b"this text")
    elif id == FLAG_VERSION:
        _set(f, b"version", 86, NULL, all, b"the version")
    else:
        _set(f, NULL, 0, NULL, 0, NULL)


# ---------------------------------------------------------------------------------------------------------- parsing

cdef inline void message(char* out, const char* a, const char* b, const char* c) noexcept nogil:
    """a, b and c one after the other into `out` (MESSAGE bytes), cut when too long; bytes below blank become '?'."""
    cdef const char* parts[3]
    cdef int i, n = 0
    cdef const char* p
    parts[0] = a
    parts[1] = b
    parts[2] = c
    for i in range(3):
        p = parts[i]
        while p != NULL and p[0] and n < MESSAGE - 1:
            out[n] = p[0] if <uint8_t>p[0] >= 32 and p[0] != 127 else 63
            n += 1
            p += 1
    out[n] = 0


cdef inline int _flag_by_long(const char* s, size_t n, int command) noexcept nogil:
    cdef int i
    cdef Flag f
    for i in range(FLAG_END):
        flag_get(i, &f)
        if f.commands & (1 << command) and strlen(f.long_name) == n and strncmp(f.long_name, s, n) == 0:
            return i
    return -1


cdef inline int _flag_by_short(char c, int command) noexcept nogil:
    cdef int i
    cdef Flag f
    for i in range(FLAG_END):
        flag_get(i, &f)
        if f.commands & (1 << command) and f.short_name == c:
            return i
    return -1


cdef inline bint _give(Args* a, int flag, const char* value) noexcept nogil:
    if flag == FLAG_HELP:
        a.help = True
    elif flag == FLAG_VERSION:
        a.version = True
    elif a.n_flags == ARGS_FLAGS:
        message(a.error, b"too many flags", b"", b"")
        return False
    else:
        a.flags[a.n_flags].flag = flag
        a.flags[a.n_flags].value = value
        a.n_flags += 1
    return True


cdef inline void _unknown_flag(Args* a, const char* given) noexcept nogil:
    cdef size_t n
    message(a.error, b"unknown flag '", given, b"'; 'greppy ")
    n = strlen(a.error)
    # `given` may have used up all the room: then the hint is cut off.
    if n + 64 < MESSAGE:
        message(a.error + n, command_name(a.command), b" --help' lists the flags", b"")


cdef inline int _long_flag(Args* a, int i, int argc, char** argv) noexcept nogil:
    """argv[i] begins with --: the index of the last argument used, or -1."""
    cdef const char* s = argv[i] + 2
    cdef size_t n = 0
    cdef int flag
    cdef Flag f
    while s[n] and s[n] != 61:
        n += 1
    flag = _flag_by_long(s, n, a.command)
    if flag < 0:
        _unknown_flag(a, argv[i])
        return -1
    flag_get(flag, &f)
    if f.value == NULL:
        if s[n]:
            message(a.error, b"flag --", f.long_name, b" takes no value")
            return -1
        return i if _give(a, flag, NULL) else -1
    if s[n]:
        return i if _give(a, flag, s + n + 1) else -1
    if i + 1 >= argc:
        message(a.error, b"flag --", f.long_name, b" needs a value")
        return -1
    return i + 1 if _give(a, flag, argv[i + 1]) else -1


cdef inline int _short_flags(Args* a, int i, int argc, char** argv) noexcept nogil:
    """argv[i] is a bundle such as -ln5: as `_long_flag`."""
    cdef const char* s = argv[i] + 1
    cdef int flag
    cdef Flag f
    while s[0]:
        flag = _flag_by_short(s[0], a.command)
        if flag < 0:
            _unknown_flag(a, argv[i])
            return -1
        flag_get(flag, &f)
        if f.value != NULL:
            s += 1
            if s[0] == 61:
                s += 1
            if s[0] == 0:
                i += 1
                if i >= argc:
                    message(a.error, b"flag --", f.long_name, b" needs a value")
                    return -1
                s = argv[i]
            return i if _give(a, flag, s) else -1
        if not _give(a, flag, NULL):
            return -1
        s += 1
    return i


cdef inline void args_parse(int argc, char** argv, Args* a) noexcept nogil:
    """argv[0] is the program. Flags may stand anywhere; `--` ends them; the first other word is the command."""
    cdef int i = 1
    cdef bint ended = False
    memset(a, 0, sizeof(Args))
    while i < argc:
        if not a.command:
            if strcmp(argv[i], b"--help") == 0 or strcmp(argv[i], b"-h") == 0 or strcmp(argv[i], b"help") == 0:
                a.help = True
                if i + 1 < argc and command_by_name(argv[i + 1]):
                    a.command = command_by_name(argv[i + 1])
                return
            if strcmp(argv[i], b"--version") == 0 or strcmp(argv[i], b"-V") == 0:
                a.version = True
                return
            a.command = command_by_name(argv[i])
            if not a.command:
                message(a.error, b"unknown command '", argv[i],
                        b"'; to search, say: greppy search QUERY; 'greppy --help' lists the commands")
                return
        elif not ended and strcmp(argv[i], b"--") == 0:
            ended = True
        elif not ended and argv[i][0] == 45 and argv[i][1] == 45:
            i = _long_flag(a, i, argc, argv)
            if i < 0:
                return
        elif not ended and argv[i][0] == 45 and argv[i][1]:
            i = _short_flags(a, i, argc, argv)
            if i < 0:
                return
        elif a.n_places == ARGS_PLACES:
            message(a.error, b"too many paths: at most 256", b"", b"")
            return
        else:
            a.places[a.n_places] = argv[i]
            a.n_places += 1
        i += 1


cdef inline const char* args_last(const Args* a, int flag) noexcept nogil:
    """The value given last for a flag; "" for a switch that is set; NULL when it was not given."""
    cdef int i
    for i in range(a.n_flags, 0, -1):
        if a.flags[i - 1].flag == flag:
            if a.flags[i - 1].value == NULL:
                return b""
            return a.flags[i - 1].value
    return NULL


# ------------------------------------------------------------------------------------------------------------- help

cdef inline void _pad_to(Bytes* out, size_t line_start, size_t column) noexcept nogil:
    bytes_byte(out, 32)
    while out.len - line_start < column:
        bytes_byte(out, 32)


cdef inline const char* command_notes(int command) noexcept nogil:
    """What the flags' lines have no room for."""
    if command == CMD_SEARCH:
        return (
            b"\noutput:\n"
            b"  In a pipe path:line:text, a line a result. On a terminal grouped by file, in colours, paths as links\n"
            b"  (OSC 8); NO_COLOR or --color=never turns both off, and links are left out where TERM says that the\n"
            b"  terminal does not know them. Control characters reach no terminal.\n"
            b"  -c counts the chunks that hold a word of QUERY and pass the filters, 1 for a file found by its name\n"
            b"  alone: as many places as a search without a limit shows of the file.\n"
            b"  A token is four bytes of what is printed. A result is printed whole or not at all; if not even the\n"
            b"  best one fits into --max-tokens, that is an error.\n"
            b"  --explain adds a line behind each result (in JSON an object): the score as a sum of signals.\n"
            b"    chunks: the file's best chunks by BM25          top_sum: its chunks among the best of all\n"
            b"    name_cover, name_precision: QUERY in its name   folders: QUERY in its folders' names\n"
            b"    synonyms: what says the same in its name        coverage: how much of QUERY it has at all\n"
            b"    links: good chunks use what it defines          depth: folders above it\n"
            b"    symbol, symbol_type, named: it defines QUERY    symbol_file: it is named like the symbol\n"
            b"    abbreviated: QUERY is short for what it defines place: QUERY is a line of it\n"
            b"    test, example, compat, generated, vendored: what is lowered for being that\n"
            b"    header, old_version: its source, a newer version of it was found as well\n"
            b"    expanded: words that --smart added              further: not the file's best chunk\n"
            b"    bm25: it only fills the list up\n"
            b"  --smart asks the provider of 'greppy login', or Ollama if it runs on this machine, which words the\n"
            b"  code that answers QUERY may have. Only QUERY and the names of the project's languages are sent.\n"
            b"  Answers are kept for a week and shared by questions with the same words. Without a provider, words\n"
            b"  that the project does not have are stood for by synonyms. A name is looked up as it is.\n"
            b"  --rerank sends a few lines of the best 30 places as well, and only after:\n"
            b"    greppy config smart.send_code true\n")
    return b""


cdef inline void help_text(int command, Bytes* out) noexcept nogil:
    """`greppy --help` (CMD_NONE) or the help of one command."""
    cdef int i
    cdef Flag f
    cdef size_t start
    if command == CMD_NONE:
        bytes_str(out, b"greppy: ranked code search in one file on PATH\n\nusage:\n")
        for i in range(1, CMD_END):
            start = out.len
            bytes_str(out, b"  greppy ")
            bytes_str(out, command_usage(i))
            _pad_to(out, start, 42)
            bytes_str(out, command_help(i))
            bytes_byte(out, 10)
        bytes_str(out, b"\nexamples:\n")
        bytes_str(out, command_examples(CMD_SEARCH))
        bytes_str(out,
                  b"\n'greppy COMMAND --help' lists a command's flags; 'greppy --version' says which greppy this is.\n"
                  b"exit status: 0 found, 1 nothing found, 2 an error, told in a sentence on standard error.\n")
        return
    bytes_str(out, b"greppy ")
    bytes_str(out, command_name(command))
    bytes_str(out, b": ")
    bytes_str(out, command_help(command))
    bytes_str(out, b"\n\nusage: greppy ")
    bytes_str(out, command_usage(command))
    bytes_str(out, b"\n\nflags:\n")
    for i in range(FLAG_END):
        flag_get(i, &f)
        if f.hidden or not f.commands & (1 << command):
            continue
        start = out.len
        bytes_str(out, b"  ")
        if f.short_name:
            bytes_byte(out, 45)
            bytes_byte(out, <uint8_t>f.short_name)
            bytes_str(out, b", ")
        else:
            bytes_str(out, b"    ")
        bytes_str(out, b"--")
        bytes_str(out, f.long_name)
        if f.value != NULL:
            bytes_byte(out, 32)
            bytes_str(out, f.value)
        _pad_to(out, start, 30)
        bytes_str(out, f.help)
        bytes_byte(out, 10)
    bytes_str(out, command_notes(command))
    bytes_str(out, b"\nexamples:\n")
    bytes_str(out, command_examples(command))
