"""`greppy man`: the manual page, made of the table of commands and flags."""

from __future__ import annotations

from greppy._core import engine
from greppy.cli import CommandError

EXIT = (
    ("0", "found; for commands that do not search: done"),
    ("1", "nothing found; the index is damaged (check); something is wrong (doctor)"),
    ("2", "an error, told in one sentence on standard error"),
)
ENVIRONMENT = (
    ("GREPPY_INDEX_DIR", "where the indexes are ($XDG_CACHE_HOME/greppy/index)"),
    ("GREPPY_RUNTIME_DIR", "where the program unpacks its runtime, once ($XDG_CACHE_HOME/greppy/runtime)"),
    ("GREPPY_CONFIG", "the configuration file ($XDG_CONFIG_HOME/greppy/config.toml)"),
    ("NO_COLOR, CLICOLOR_FORCE, TERM", "whether there are colours, when --color does not say"),
)


def run(arguments: engine.Arguments) -> int:
    if arguments["places"]:
        raise CommandError("man takes no argument; 'greppy COMMAND --help' tells of one command")
    print(page(), end="")
    return 0


def escape(text: str) -> str:
    """Text for roff: a hyphen is a minus, a line does not begin with a request."""
    names = {"\\": "\\e", "-": "\\-", '"': "\\(dq", "'": "\\(aq", "`": "\\(ga", "~": "\\(ti", "^": "\\(ha"}
    text = "".join(names.get(character, character) for character in text)
    return "\\&" + text if text.startswith(".") else text


def page() -> str:
    """The page in man(7)."""
    out = [
        f'.TH GREPPY 1 "" "greppy {engine.VERSION}" "User Commands"',
        ".SH NAME",
        "greppy \\- ranked code search",
        ".SH SYNOPSIS",
    ]
    commands = engine.commands()
    for _, _, usage, _, _ in commands:
        out += [f".B greppy {escape(usage)}", ".br"]
    out.pop()
    out += [
        ".SH DESCRIPTION",
        "greppy finds the place in a project that a question or a name is about;",
        "the best one comes first.",
        "The first search builds the project\\(aqs index;",
        "every search compares the files with it first,",
        "so that no line is printed that a file no longer holds.",
    ]
    for name, _, usage, help, examples in commands:
        out += [f'.SH "GREPPY {escape(name.upper())}"', f".B greppy {escape(usage)}", ".PP", _sentence(help)]
        for long, short, value, flag_help, names, hidden in engine.flags():
            if name not in names or hidden or long in ("help", "version"):
                continue
            flags = f"\\fB\\-{short}\\fR, " if short else ""
            argument = f" \\fI{escape(value)}\\fR" if value else ""
            out += [".TP", f"{flags}\\fB\\-\\-{escape(long)}\\fR{argument}", escape(flag_help)]
        out += [".PP", "Examples:", ".PP", ".nf", ".RS 2"]
        out += [escape(line[2:]) for line in examples.splitlines()]
        out += [".RE", ".fi"]
    out += [".SH EXIT STATUS"]
    for status, meaning in EXIT:
        out += [".TP", status, escape(meaning)]
    out += [".SH ENVIRONMENT"]
    for name, meaning in ENVIRONMENT:
        out += [".TP", f".B {name}", escape(meaning)]
    out += [".SH FILES", ".TP", "$XDG_CONFIG_HOME/greppy/config.toml"]
    out += [
        "Defaults of flags, a line \\fIkey = value\\fR each:",
        ", ".join(key for key, *_ in engine.config_keys()) + ".",
    ]
    out += [".TP", ".gitignore, .greppyignore".replace(".g", "\\&.g"), "What is left out of the index."]
    return "\n".join(out) + "\n"


def _sentence(text: str) -> str:
    return escape(text[0].upper() + text[1:] + ".")
