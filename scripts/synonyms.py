"""Write _core/synonym_table.pxd: words of general programming vocabulary that say the same, from the groups below.

    python scripts/synonyms.py           write the file
    python scripts/synonyms.py --check   exit 1 when the file is not what this would write

Every word of a group stands for the others of it, by their stems. The groups are vocabulary that any program may use;
a word that only helps one project does not belong here.
"""

from __future__ import annotations

import sys
from pathlib import Path

from greppy._core import engine

TARGET = Path(__file__).resolve().parent.parent / "_core" / "synonym_table.pxd"
WIDTH = 116

GROUPS = """
auth authentication authorization login credential signin
directory folder dir
response reply
request req
config configuration setting option preference conf
param parameter argument arg
error exception failure err
message msg
connection conn
context ctx
initialize init setup bootstrap startup
delete remove erase drop destroy
create make build construct new
fetch get retrieve obtain
send write emit transmit
receive read recv
serialize encode marshal dump stringify
deserialize decode unmarshal load parse
validate check verify validation validator
async asynchronous await future promise
concurrent parallel thread concurrency
callback hook handler listener
event signal notification notify
subscribe listen observe watch observer
queue buffer channel
cache memoize store
key identifier id name
string text str
number numeric int integer
array list sequence vector slice
map dictionary dict hash table
function func procedure routine
variable var
environment env
database db
transaction tx commit
query select
temporary temp tmp
convert transform cast translate map
format print render display formatter
template view
route router routing path endpoint url dispatch
url uri link address
middleware interceptor filter
plugin extension addon module
dependency dep injection inject
test spec assert
log logger logging trace
schedule scheduler cron timer
timeout deadline expire expiry expiration
retry backoff attempt
limit throttle rate quota
lock mutex synchronize semaphore
pool reuse
abort cancel stop terminate shutdown close
start launch run begin spawn
execute exec run invoke call
compress gzip deflate compression zip
decompress gunzip inflate
encrypt cipher crypto encryption
hash digest checksum
random rand
compare comparison equal equality diff
copy clone duplicate
merge combine join concat
split partition divide
sort order
search find lookup locate
index position offset
iterate iterator loop traverse walk visit visitor
recursive recursion nested
insert add append push
update modify change mutate set
upload multipart file form
download
header metadata
body payload content
cookie session
websocket ws socket
client consumer
server host
proxy tunnel forward
redirect redirection location
status code
type kind
class struct object model
interface protocol trait contract
inherit extend subclass derive
enum enumeration variant
constant const
default fallback
optional nullable maybe option
null nil none
boolean bool
date time datetime timestamp
duration interval period
decimal float double
bytes byte binary
json
regex regexp pattern
match matcher matching
token lexer tokenizer scan scanner
parser parse syntax grammar
ast tree node
compile compiler
expression expr
statement stmt
command cmd
argument flag option
terminal console tty
window pane
color colour highlight
user account
permission access role policy acl
memory alloc allocate allocator
reference ref pointer
resource asset
static
stream pipe flow
multiple many batch bulk
version release upgrade
document doc documentation
description summary
generate generator produce
schema definition model
field property attribute column member
annotation decorator attribute
reflect reflection introspect introspection
operation operator op
utility util helper utils common
implementation impl
information info
previous prev
maximum max
minimum min
calculate compute evaluate
calc math arithmetic
original origin source src
destination dest target
register registry registration
resolve resolver resolution
state store
action event
reducer reduce fold
wrap wrapper adapter adaptor
provider factory
manage manager
control controller
monitor metric stats statistics
performance benchmark perf
debug debugger diagnostic
warning warn lint
background worker job task
thread fiber coroutine
process proc subprocess
filesystem fs
recover recovery panic catch
complete completion autocomplete
install installer
network net
http
security secure tls ssl
certificate cert
"""

HEAD = '''# cython: language_level=3
"""The table of synonyms. Written by scripts/synonyms.py from its groups; change those."""
cdef enum:
    TABLE_BYTES = {size}


cdef inline const char* synonym_table() noexcept nogil:
    """Lines of a stem, a space before each of its synonyms, by the bytes of the stems."""
    return (
'''

def synonyms() -> dict[str, list[str]]:
    """For each stem those of the other words in its groups, without itself."""
    found: dict[str, set[str]] = {}
    for line in GROUPS.split("\n"):
        stems = [engine.stem(word.encode()).decode() for word in line.split()]
        for stem in stems:
            found.setdefault(stem, set()).update(stems)
    return {stem: sorted(others - {stem}) for stem, others in sorted(found.items()) if others - {stem}}


def text() -> str:
    lines = [" ".join((stem, *others)) for stem, others in synonyms().items()]
    size = sum(len(line) + 1 for line in lines)
    literals = "".join(f'        b"{line}\\n"\n' for line in lines)
    return HEAD.format(size=size) + literals + "    )\n"


def main() -> int:
    if "--check" in sys.argv[1:]:
        return 0 if TARGET.read_text(encoding="utf-8") == text() else 1
    TARGET.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
