"""`greppy completions`: scripts for the shells, made of the table of commands and flags.

What may follow a flag is told by what the table calls its value: DIR is a folder, LANG a language, KEY a key of the
configuration. In the same way a command's usage says what its arguments are; words in small letters are meant as such.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from greppy._core import engine
from greppy.cli import CommandError, config

SHELLS = ("bash", "zsh", "fish")
FOLDERS, FILES = "folders", "files"


class Flag(NamedTuple):
    long: str
    short: str
    value: str | None
    help: str


class Command(NamedTuple):
    names: tuple[str, ...]
    help: str
    flags: list[Flag]
    arguments: str | None  # the first word of the usage that something is known about: PATH, KEY, …, stats|list|clear


def run(arguments: engine.Arguments) -> int:
    given = [os.fsdecode(place) for place in arguments["places"]]
    if len(given) != 1 or given[0] not in SHELLS:
        what = f", not {' '.join(given)}" if given else ""
        raise CommandError(f"completions takes the name of a shell: bash, zsh or fish{what}")
    print({"bash": bash, "zsh": zsh, "fish": fish}[given[0]](), end="")
    return 0


def commands() -> list[Command]:
    result = []
    for name, alias, usage, help, _ in engine.commands():
        flags = [Flag(*row[:4]) for row in engine.flags() if name in row[4] and not row[5]]
        known = re.search(r"PATH|KEY|SHELL|PROVIDER|(?<= )[a-z|]+$", usage)
        result.append(Command((name, alias) if alias else (name,), help, flags, known[0] if known else None))
    return result


def choices(value: str | None) -> list[str] | str | None:
    """The words that a value can be; FOLDERS or FILES; None when nobody can know."""
    words: dict[str, list[str] | str] = {
        "DIR": FOLDERS,
        "PATH": FILES,
        "WHEN": ["auto", "always", "never"],
        "LANG": sorted(name for name in engine.languages() if re.fullmatch(r"\w+", name)),
        "KIND": [name for name in engine.kind_names()[1:] if name],
        "KEY": [key for key, *_ in engine.config_keys()],
        "SHELL": list(SHELLS),
        "PROVIDER": config.KEYS["smart.provider"][1],
    }
    if value and value.islower():
        return value.split("|")
    return words.get(value or "")


def _spellings(flag: Flag) -> list[str]:
    return [f"--{flag.long}", f"-{flag.short}"] if flag.short else [f"--{flag.long}"]


# ------------------------------------------------------------------------------------------------------------- bash


def _bash_choices(found: list[str] | str | None) -> str:
    if found == FOLDERS:
        return 'compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur")'
    if found == FILES:
        return 'compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur")'
    if found is None:
        return "COMPREPLY=()"
    return f"mapfile -t COMPREPLY < <(compgen -W '{' '.join(found)}' -- \"$cur\")"


def bash() -> str:
    all_commands = commands()
    names = " ".join(name for command in all_commands for name in command.names)
    out = [
        "# greppy completions for bash",
        "_greppy() {",
        "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd=${COMP_WORDS[1]}",
        "    COMPREPLY=()",
        "    if ((COMP_CWORD == 1)); then",
        f"        mapfile -t COMPREPLY < <(compgen -W '{names} help --help --version' -- \"$cur\")",
        "        return",
        "    fi",
        "    # bash takes = for a word of its own",
        "    [[ $cur == = ]] && cur=",
        "    [[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD-2]}",
        "    case $cmd in",
        f"    help)\n        {_bash_choices([name for command in all_commands for name in command.names])}\n        ;;",
    ]
    for command in all_commands:
        out += [f"    {'|'.join(command.names)})", "        case $prev in"]
        for flag in command.flags:
            if flag.value:
                out += [f"        {'|'.join(_spellings(flag))})", f"            {_bash_choices(choices(flag.value))}"]
                out += ["            return ;;"]
        spellings = " ".join(f"--{flag.long}" for flag in command.flags)
        out += [
            "        esac",
            "        if [[ $cur == -* ]]; then",
            f"            mapfile -t COMPREPLY < <(compgen -W '{spellings}' -- \"$cur\")",
            "        else",
            f"            {_bash_choices(choices(command.arguments))}",
            "        fi",
            "        ;;",
        ]
    out += ["    esac", "}", "complete -F _greppy greppy"]
    return "\n".join(out) + "\n"


# -------------------------------------------------------------------------------------------------------------- zsh


def _zsh_text(text: str) -> str:
    return re.sub(r"([\\:\[\]])", r"\\\1", text).replace("'", "'\\''")


def _zsh_choices(found: list[str] | str | None) -> str:
    if found == FOLDERS:
        return "_files -/"
    if found == FILES:
        return "_files"
    return f"({' '.join(found)})" if found else " "


def zsh() -> str:
    all_commands = commands()
    out = ["#compdef greppy", "# greppy completions for zsh", "_greppy() {", "    local -a commands", "    commands=("]
    for command in all_commands:
        out += [f"        '{name}:{_zsh_text(command.help)}'" for name in command.names]
    out += [
        "        'help:the help of a command'",
        "    )",
        "    if ((CURRENT == 2)); then",
        "        _describe -t commands 'command' commands",
        "        _arguments '--help[the commands]' '--version[the version]'",
        "        return",
        "    fi",
        "    local cmd=$words[2]",
        "    shift words",
        "    ((CURRENT--))",
        "    case $cmd in",
        "    help) _describe -t commands 'command' commands ;;",
    ]
    for command in all_commands:
        out += [f"    {'|'.join(command.names)})", "        _arguments -s \\"]
        for flag in command.flags:
            argument = f":{flag.value}:{_zsh_choices(choices(flag.value))}" if flag.value else ""
            text = f"[{_zsh_text(flag.help)}]{argument}"
            equals = "=" if flag.value else ""
            out += [f"            '*--{flag.long}{equals}{text}' \\"]
            if flag.short:
                out += [f"            '*-{flag.short}{'+' if flag.value else ''}{text}' \\"]
        if "search" in command.names:
            out += ["            '1:QUERY: ' '*:PATH:_files'"]
        elif command.arguments == "PATH":
            out += ["            '*:PATH:_files'"]
        elif command.arguments:
            out += [f"            '1:{command.arguments}:{_zsh_choices(choices(command.arguments))}'"]
        else:
            out += ["            '*: : '"]
        out += ["        ;;"]
    # Sourced it must only define; as a file of $fpath it is the body of the function, which must then be called.
    out += [
        "    esac",
        "}",
        'if [[ $funcstack[1] == _greppy ]]; then _greppy "$@"; else compdef _greppy greppy; fi',
    ]
    return "\n".join(out) + "\n"


# ------------------------------------------------------------------------------------------------------------- fish


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _fish_choices(found: list[str] | str | None) -> str:
    if found == FOLDERS:
        return " -x -a '(__fish_complete_directories)'"
    if found == FILES:
        return " -r -F"
    return f" -x -a {_fish_quoted(' '.join(found))}" if found else " -x"


def fish() -> str:
    all_commands = commands()
    names = " ".join(name for command in all_commands for name in command.names)
    first = "'not __greppy_command'"
    # fish's own conditions take any word for the command, and a question may well be "list" or "config".
    out = [
        "# greppy completions for fish",
        "function __greppy_command",
        "    set -l words (commandline -opc)",
        "    test (count $words) -ge 2",
        "    and begin; test (count $argv) -eq 0; or contains -- $words[2] $argv; end",
        "end",
        "complete -c greppy -f",
    ]
    for command in all_commands:
        out += [f"complete -c greppy -n {first} -a {name} -d {_fish_quoted(command.help)}" for name in command.names]
    out += [
        f"complete -c greppy -n {first} -a help -d 'the help of a command'",
        f"complete -c greppy -n {first} -l help -s h -d 'the commands'",
        f"complete -c greppy -n {first} -l version -s V -d 'the version'",
        f"complete -c greppy -n '__greppy_command help' -a '{names}'",
    ]
    for command in all_commands:
        seen = f"'__greppy_command {' '.join(command.names)}'"
        found = choices(command.arguments)
        if command.arguments == "PATH":
            out += [f"complete -c greppy -n {seen} -F"]
        elif isinstance(found, list):
            out += [f"complete -c greppy -n {seen} -a {_fish_quoted(' '.join(found))}"]
        for flag in command.flags:
            short = f" -s {flag.short}" if flag.short else ""
            value = _fish_choices(choices(flag.value)) if flag.value else ""
            out += [f"complete -c greppy -n {seen} -l {flag.long}{short}{value} -d {_fish_quoted(flag.help)}"]
    return "\n".join(out) + "\n"
