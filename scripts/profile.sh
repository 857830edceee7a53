#!/usr/bin/env bash
# Where time, memory and system calls of indexing and searching go: scripts/profile.sh cpu|mem|io|all [TREE]
#
# TREE is this repository when none is given. All that is written goes to build/profile, the index too: the person's
# indexes and settings are left alone. Both doors are compiled again there, as by setup.py but with frame pointers.
# Exit status 2: something could not be done, and a sentence said what.
set -euo pipefail

usage='usage: scripts/profile.sh cpu|mem|io|all [TREE]'
status=0
# What is passed over, and why.
miss() {
    echo "scripts/profile.sh: $1" >&2
    status=2
}
fail() {
    miss "$1"
    exit 2
}

case ${1-} in
    cpu | mem | io) parts=("$1") ;;
    all) parts=(cpu mem io) ;;
    *) fail "$usage" ;;
esac
[ $# -le 2 ] || fail "$usage"
tree=$(cd -- "${2-$(dirname "$0")/..}" 2>/dev/null && pwd -P) || fail "$2: no such folder"

cd "$(dirname "$0")/.."
out=$PWD/build/profile
python=$PWD/.venv/bin/python
if [ ! -e build/cython/_core/front.c ] || [ ! -x "$python" ]; then
    fail 'greppy is not built here; run make build'
fi

# Some words, so that any tree has an answer.
questions=('name' 'open file' 'where is the configuration read?')
question=${questions[1]}
searches=300 # of each question: one is over before it can be sampled
indexings=5

export GREPPY_INDEX_DIR=$out/indexes XDG_CONFIG_HOME=$out/config PYTHONPATH=$out/lib PYTHONDONTWRITEBYTECODE=1
unset GREPPY_CONFIG
# -P: the current folder would come before PYTHONPATH.
index=("$python" -P -m greppy index --quiet --force -p "$tree")
search=("$out/greppy.debug" search -p "$tree")
search_alone=("${search[@]}" --no-refresh)

wrote() { printf '  %-32s %s\n' "${1#"$PWD"/}" "$2"; }

compile() {
    mkdir -p "$out"
    "$python" - "$out" >"$out/build.log" 2>&1 <<'PYTHON' || fail "compiling failed, see $out/build.log"
import os, sys
from pathlib import Path

sys.path[:0] = [os.getcwd(), "scripts"]
import setuptools

setuptools.setup = lambda **_: None  # only the flags and functions of setup.py are wanted
import doors
import setup

out = Path(sys.argv[1])
setup.CFLAGS.append("-fno-omit-frame-pointer")
setup.FRONT = str(out / "greppy")
setup.build_front()
doors.package(out / "lib", setup.CFLAGS)
PYTHON
}

# Runs a search, for which having found nothing is an answer.
searched() { "$@" || [ $? -eq 1 ]; }

# --------------------------------------------------------------------------------------------------------------- cpu

# Runs a command some times under perf and adds its stacks to a file.
sample() { # FILE TIMES COMMAND…
    # shellcheck disable=SC2016  # expanded by the shell that perf starts
    perf record -q -F 10000 --call-graph fp -o "$out/perf.data" -- \
        bash -c 'for ((i = 0; i < $1; i++)); do "${@:2}" >/dev/null; done' samples "${@:2}" >>"$out/perf.log" 2>&1
    # The names that Cython makes of `_core/text.pxd` begin with __pyx_f_5_core_4text_.
    perf script -i "$out/perf.data" 2>>"$out/perf.log" | inferno-collapse-perf |
        sed -E '/^bash;/d; s/__pyx_f_5_core_[0-9]+//g' >>"$1"
}

draw() { # NAME WHAT
    inferno-flamegraph --title "greppy: $2" "$out/cpu-$1.folded" >"$out/cpu-$1.svg"
    wrote "$out/cpu-$1.svg" "flame graph of $2"
}

# The same question asked of valgrind, which any container lets run.
count() { # NAME WHAT COMMAND…
    searched valgrind --tool=callgrind --callgrind-out-file="$out/cpu-$1.callgrind" "${@:3}" >/dev/null 2>"$out/cpu.log"
    callgrind_annotate --inclusive=yes --auto=no "$out/cpu-$1.callgrind" >"$out/cpu-$1.txt"
    wrote "$out/cpu-$1.txt" "instructions of $2, by function with all it calls"
}

cpu() {
    local name
    if command -v perf >/dev/null && perf record -q -o "$out/perf.data" -- true >"$out/perf.log" 2>&1; then
        if ! command -v inferno-flamegraph >/dev/null; then
            miss 'inferno-flamegraph is not on PATH, so no flame graph is drawn; cargo install inferno'
            return
        fi
        rm -f "$out"/cpu-*.folded
        sample "$out/cpu-index.folded" "$indexings" "${index[@]}"
        for name in "${questions[@]}"; do
            sample "$out/cpu-search.folded" "$searches" "${search[@]}" "$name"
        done
        draw index "$indexings times an index from nothing"
        draw search "$searches times each of ${#questions[@]} searches"
    elif command -v valgrind >/dev/null; then
        echo '  perf cannot be used here (not installed, or /proc/sys/kernel/perf_event_paranoid): instructions instead'
        count index 'an index from nothing' "${index[@]}"
        count search 'a search' "${search[@]}" "$question"
    else
        miss 'neither perf nor valgrind can be used; apt-get install linux-perf valgrind'
    fi
}

# --------------------------------------------------------------------------------------------------------------- mem

mem() {
    {
        PYTHONPATH=benches "$python" - "$question" "${#index[@]}" "${index[@]}" "${search[@]}" <<'PYTHON'
import os, sys
from processes import Command, resident, watch

question, n, *words = sys.argv[1:]
environment = {**os.environ, "PYTHONPATH": os.environ["GREPPY_INDEX_DIR"] + "/../lib"}
index, search = tuple(words[: int(n)]), tuple(words[int(n) :])
built = watch(Command("index", index), "/", environment)
print(f"index: {built.peak / 1e6:.1f} MB resident at its peak, of it {built.peak_anonymous / 1e6:.1f} MB not mapped files")
for more in ((), ("--no-refresh",)):
    peak = resident(Command("search", (*search, *more, question)), "/", environment)
    shown = "it found nothing" if peak is None else f"{peak / 1e6:.1f} MB resident at its peak"
    print(f"{' '.join(('search', *more))}: {shown}")
PYTHON
    } >"$out/mem.txt"
    sed 's/^/  /' "$out/mem.txt"
    wrote "$out/mem.txt" 'the same lines'
    if ! command -v ms_print >/dev/null; then
        miss 'valgrind is not installed, so what holds memory is left out; apt-get install valgrind'
        return
    fi
    PYTHONMALLOC=malloc valgrind --tool=massif --massif-out-file="$out/mem-index.massif" "${index[@]}" 2>"$out/mem.log"
    ms_print --threshold=2 "$out/mem-index.massif" >"$out/mem-index.txt"
    wrote "$out/mem-index.txt" 'what holds memory as the index grows, and who asked for it'
}

# ---------------------------------------------------------------------------------------------------------------- io

trace() { # NAME WHAT COMMAND…
    searched strace -f -o "$out/io-$1.txt" "${@:3}" >/dev/null
    searched strace -c -f -o "$out/io-$1-counts.txt" "${@:3}" >/dev/null
    wrote "$out/io-$1.txt" "$(grep -c '(' "$out/io-$1.txt") system calls of $2"
    wrote "$out/io-$1-counts.txt" 'counted'
}

io() {
    if ! command -v strace >/dev/null; then
        miss 'strace is not installed, so system calls are left out; apt-get install strace'
        return
    fi
    trace search 'a search' "${search[@]}" "$question"
    trace search-alone 'a search that looks for no changes' "${search_alone[@]}" "$question"
    trace index "an index from nothing, Python's start among them" "${index[@]}"
}

compile
echo "index and search of $tree, question: $question"
"${index[@]}" || fail "$tree could not be indexed"
for part in "${parts[@]}"; do
    case $part in
        cpu) cpu ;;
        mem) mem ;;
        io) io ;;
    esac
done
exit "$status"
