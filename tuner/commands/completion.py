"""`tuner completion bash|zsh`: a script for the shell that completes the words of the command."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tuner.commands.command_help import HELP
from tuner.commands.command_words import OPTIONS, read_options
from tuner.config.catalog import SECTIONS, STUDY, Catalog
from tuner.config.schema import GROUPS, SWEEP
from tuner.errors import InputError

SHELLS = ("bash", "zsh")

_ZSH = """\
autoload -U +X compinit && compinit
autoload -U +X bashcompinit && bashcompinit
"""

_SCRIPT = """\
# Completion of the command tuner.
_tuner() {{
    local line=${{COMP_LINE:0:COMP_POINT}}
    local word=${{line##*[[:space:]]}} folder name path words
    name=${{word%%=*}}
    case $word in
{options}
        *=*) words= ;;
        *) words="{keys}"
           [[ $line == *[[:space:]]*[[:space:]]* ]] || words="{commands} $words" ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$word"))
    # Names of files are compared, never evaluated.
    if [[ $word == *=* && $name != *.* ]]; then
        folder=conf/$name
        [ "$name" = sweep ] && folder=sweeps
        for path in "$folder"/*.yaml; do
            [ -e "$path" ] || continue
            path=${{path##*/}}
            path=$name=${{path%.yaml}}
            [[ $path == "$word"* && $path != *[!A-Za-z0-9_.=-]* ]] && COMPREPLY+=("$path")
        done
    fi
    [[ ${{COMPREPLY[0]}} == *= ]] && compopt -o nospace 2>/dev/null
    # bash takes an = for the end of a word, zsh does not.
    if [[ $COMP_WORDBREAKS == *=* && $word == *=* ]]; then
        COMPREPLY=("${{COMPREPLY[@]#"$name"=}}")
    fi
}}
complete -o default -F _tuner tuner
"""


def run(arguments: Sequence[str]) -> int:
    """Print the script.

    Args:
        arguments: Name of the shell.

    Returns:
        0.

    Raises:
        InputError: The shell is none of `SHELLS`.
    """
    words = read_options(arguments, command="completion").overrides
    if len(words) != 1 or words[0] not in SHELLS:
        raise InputError(
            f"the command needs the name of a shell: {' or '.join(SHELLS)}",
            where="the command line",
            remedy='eval "$(tuner completion bash)"',
        )
    catalog = Catalog(Path.cwd())
    options = {group: _names(catalog, group) for group in (*GROUPS, SWEEP)}
    start = _ZSH if words[0] == "zsh" else ""
    print(start + script(options, sorted(set(_keys(catalog, options)))), end="")  # noqa: T201
    return 0


def script(options: Mapping[str, Sequence[str]], keys: Sequence[str]) -> str:
    """Return the script, which asks for nothing but the user's own files when it completes.

    Args:
        options: Group to the names of its options, and `sweep` to the sweeps.
        keys: All keys.
    """
    cases = (
        f'        {group}=*) words="{" ".join(f"{group}={name}" for name in names)}" ;;'
        for group, names in options.items()
    )
    starts = (*(f"{name}=" for name in dict.fromkeys((*options, *keys))), *OPTIONS)
    return _SCRIPT.format(options="\n".join(cases), keys=" ".join(starts), commands=" ".join(HELP))


def _names(catalog: Catalog, group: str) -> list[str]:
    return [entry.name for entry in catalog.options(group)]


def _keys(catalog: Catalog, options: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the keys of every option, section and the top level, some more than once."""
    for section in (*SECTIONS, *STUDY):
        yield from (row.key for row in catalog.keys(section))
    for group in GROUPS:
        for name in options[group]:
            yield from (row.key for row in catalog.keys(group, name))
