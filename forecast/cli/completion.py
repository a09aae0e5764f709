"""Completion of commands and flags in bash, zsh and fish: scripts that are made of the parsers."""

from typing import Any

from forecast.models import MODELS

Flag = tuple[str, str, bool]  # --name, its help, whether a value follows

BASH = """\
# forecast completion bash > ~/.local/share/bash-completion/completions/forecast
_forecast() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}"
    local before="${{COMP_WORDS[COMP_CWORD-1]}}"
    local words=""
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{commands}" -- "$current"))
        return
    fi
    if [ "$before" = --model ] || [ "$before" = models ]; then
        COMPREPLY=($(compgen -W "{models}" -- "$current"))
        return
    fi
    case "$current" in -*) ;; *) return ;; esac
    case "${{COMP_WORDS[1]}}" in
{cases}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _forecast forecast
"""
ZSH = """\
#compdef forecast
# forecast completion zsh > a file _forecast in a folder of $fpath
_forecast() {{
    local -a commands flags
    if (( CURRENT == 2 )); then
        commands=({commands})
        _describe command commands
        return
    fi
    if [[ $words[CURRENT-1] == (--model|models) ]]; then
        compadd {models}
        return
    fi
    case $words[2] in
{cases}
    esac
    if [[ $PREFIX == -* ]]; then
        _describe -o flag flags
    else
        _files
    fi
}}
compdef _forecast forecast
"""


def completion(shell: str, parser: Any) -> str:
    """The script of a shell, `bash`, `zsh` or `fish`, of a parser with commands."""
    makers = {"bash": _bash, "zsh": _zsh, "fish": _fish}
    return makers[shell]({name: _Command(one) for name, one in parser.commands.items()})


class _Command:
    """A command: the line that its help begins with, and its flags."""

    def __init__(self, parser: Any) -> None:
        self.line: str = parser.get_short_help_str(200)
        self.flags: list[Flag] = []
        for parameter in parser.params:
            if parameter.param_type_name == "option":
                takes = not parameter.is_flag
                names = (*parameter.opts, *parameter.secondary_opts)
                self.flags += [(name, parameter.help or "", takes) for name in names]
        self.flags.append(("--help", "Show this message and exit.", False))


def _bash(commands: dict[str, _Command]) -> str:
    """The script of bash."""
    cases = []
    for name, one in commands.items():
        flags = " ".join(flag for flag, _, _ in one.flags)
        cases.append(f'        {name}) words="{flags}" ;;')
    return BASH.format(commands=" ".join(commands), models=" ".join(MODELS), cases="\n".join(cases))


def _zsh(commands: dict[str, _Command]) -> str:
    """The script of zsh."""
    cases = []
    for name, one in commands.items():
        flags = " ".join(_described(flag, words) for flag, words, _ in one.flags)
        cases.append(f"        {name}) flags=({flags}) ;;")
    listed = " ".join(_described(name, one.line) for name, one in commands.items())
    return ZSH.format(commands=listed, models=" ".join(MODELS), cases="\n".join(cases))


def _described(name: str, words: str) -> str:
    """A name and what it means, as zsh takes both."""
    meaning = words.replace(":", "\\:")
    return _quoted(f"{name}:{meaning}")


def _fish(commands: dict[str, _Command]) -> str:
    """The script of fish."""
    lines = ["# forecast completion fish > ~/.config/fish/completions/forecast.fish"]
    for name, one in commands.items():
        lines.append(f"complete -c forecast -n __fish_use_subcommand -f -a {name} -d {_quoted(one.line)}")
        for flag, words, takes in one.flags:
            long = flag.removeprefix("--")
            valued = " -r" if takes else ""
            where = f"-n '__fish_seen_subcommand_from {name}'"
            lines.append(f"complete -c forecast {where} -l {long}{valued} -d {_quoted(words)}")
    lines.append(f"complete -c forecast -l model -x -a {_quoted(' '.join(MODELS))}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A text as one word of a shell."""
    inside = text.replace("'", "'\\''")
    return f"'{inside}'"
