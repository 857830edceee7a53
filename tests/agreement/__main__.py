"""`cd tests && python -m agreement [--fetch] [--write] [--show N] [language …]`"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from . import corpora
from .grammars import GRAMMARS
from .measure import FILES, HEADER, markdown, measure, some

COMMITTED = Path(__file__).with_name("agreement.json")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m agreement", description=sys.modules[__package__].__doc__)
    parser.add_argument("languages", nargs="*", metavar="language", help="all of them when none is named")
    parser.add_argument("--fetch", action="store_true", help="bring the packages that are missing")
    parser.add_argument("--write", action="store_true", help="keep the numbers in agreement.json")
    parser.add_argument("--files", type=int, default=FILES, help=f"files a language ({FILES})")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="show that many disagreements")
    args = parser.parse_args()
    rows = json.loads(COMMITTED.read_text()) if COMMITTED.exists() else {}
    status = 0
    print(HEADER)
    for language in args.languages or GRAMMARS:
        if args.fetch:
            try:
                corpora.fetch(language, GRAMMARS[language].extensions)
            except corpora.Unavailable as error:
                print(f"{language}: {error}", file=sys.stderr)
        if not corpora.present(language):
            print(f"{language}: its packages are not in {corpora.CACHE} (--fetch brings them)", file=sys.stderr)
            status = 1
            continue
        result = measure(language, args.files, args.show > 0)
        rows[language] = result.row()
        print(markdown(language, rows[language]), flush=True)
        if args.show:
            for line in some(result.seen, args.show):
                print(line)
            print(result.confused.most_common(20))
    if args.write:
        order = {name: rows[name] for name in GRAMMARS if name in rows}
        lines = [f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in order.items()]
        COMMITTED.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
