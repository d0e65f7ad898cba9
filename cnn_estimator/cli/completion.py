"""Scripts that complete the command line in bash and zsh, made from the declared verbs and flags.

Imports no TensorFlow. A script holds every name, so that a completion starts no Python.
"""

import shlex
from collections.abc import Mapping, Sequence

from cnn_estimator.cli.flags import Flag
from cnn_estimator.settings import Choice, Path, Switch

# What the arguments of a verb or the values of a flag are, where they are no words.
FILES = "files"
FOLDERS = "folders"
Candidates = Sequence[str] | str

_BASH = r"""# Completes cnn-estimator in bash: source <(cnn-estimator completion bash)
_cnn_estimator_candidates() {
  case $1 in
@CASES@
  esac
}
_cnn_estimator() {
  local verb=${COMP_WORDS[1]} current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
  local flag= candidates before=
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W '@VERBS@' -- "$current"))
    return
  fi
  # For bash the = between a flag and its value is a word.
  if [[ $current == = ]]; then
    flag=$previous current=
  elif [[ $previous == = ]]; then
    flag=${COMP_WORDS[COMP_CWORD-2]}
  fi
  if [[ $flag ]]; then
    candidates=$(_cnn_estimator_candidates "$verb $flag=")
  elif [[ $current == -* ]]; then
    candidates=$(_cnn_estimator_candidates "$verb --")
  else
    candidates=$(_cnn_estimator_candidates "$verb")
  fi
  local IFS=$'\n'
  case $candidates in
    files | folders)
      compopt -o filenames 2>/dev/null
      [[ $candidates == files ]] && COMPREPLY=($(compgen -f -- "$current")) || COMPREPLY=($(compgen -d -- "$current"))
      ;;
    *)
      # The last of several values, which commas separate.
      [[ $flag && $current == *,* ]] && before=${current%,*}, current=${current##*,}
      IFS=$' \n'
      COMPREPLY=($(compgen -P "$before" -W "$candidates" -- "$current"))
      [[ ${#COMPREPLY[@]} == 1 && $COMPREPLY == *= ]] && compopt -o nospace 2>/dev/null
      ;;
  esac
}
complete -F _cnn_estimator cnn-estimator
"""

_ZSH = r"""# Completes cnn-estimator in zsh, after compinit: source <(cnn-estimator completion zsh)
_cnn_estimator() {
  local context state line
  local -a verbs
  verbs=(
@VERBS@
  )
  _arguments -C '1: :->verb' '*:: :->rest'
  case $state in
    verb) _describe verb verbs ;;
    rest)
      case $words[1] in
@CASES@
      esac
      ;;
  esac
}
compdef _cnn_estimator cnn-estimator
"""


def bash(verbs: Mapping[str, str], arguments: Mapping[str, Candidates], flags: Mapping[str, Sequence[Flag]]) -> str:
    """Returns the script for bash.

    Args:
      verbs: {verb: summary}.
      arguments: {verb: what may follow it, beside flags: FILES or words}.
      flags: {verb: its flags}.
    """
    candidates: dict[str, Candidates] = dict(arguments)
    for verb, declared in flags.items():
        candidates[f"{verb} --"] = [name for flag in declared for name in _names(flag)]
        candidates |= {f"{verb} --{flag.name}=": _values(flag) for flag in declared}
    texts = {place: words if isinstance(words, str) else " ".join(words) for place, words in candidates.items()}
    cases = [f"    {shlex.quote(place)}) echo {shlex.quote(text)} ;;" for place, text in texts.items() if text]
    return _BASH.replace("@CASES@", "\n".join(cases)).replace("@VERBS@", " ".join(verbs))


def zsh(verbs: Mapping[str, str], arguments: Mapping[str, Candidates], flags: Mapping[str, Sequence[Flag]]) -> str:
    """Returns the script for zsh; see bash()."""
    listed = "\n".join(f"    {shlex.quote(f'{verb}:{summary}')}" for verb, summary in verbs.items())
    cases = []
    for verb in verbs:
        specs = [spec for flag in flags.get(verb, ()) for spec in _zsh_specs(flag)]
        words = arguments.get(verb)
        if words:
            specs.append(f"*: :{_zsh_action(words)}")
        if specs:
            lines = " \\\n".join(f"          {shlex.quote(spec)}" for spec in specs)
            cases.append(f"        {verb}) _arguments \\\n{lines} ;;")
    return _ZSH.replace("@CASES@", "\n".join(cases)).replace("@VERBS@", listed)


def _names(flag: Flag) -> list[str]:
    """Returns what may be written for a flag, up to its value."""
    return [f"--{flag.name}", f"--no{flag.name}"] if isinstance(flag.rule, Switch) else [f"--{flag.name}="]


def _values(flag: Flag) -> Candidates:
    """Returns the values of a flag: FILES, FOLDERS, or a list of names, which is empty for a flag with other values."""
    if isinstance(flag.rule, Path):
        return FOLDERS if flag.rule.folder else FILES
    return flag.rule.names if isinstance(flag.rule, Choice) else ()


def _zsh_specs(flag: Flag) -> list[str]:
    """Returns the arguments of zsh's function _arguments for a flag."""
    text = flag.help.replace("[", r"\[").replace("]", r"\]")
    if isinstance(flag.rule, Switch):
        return [f"{name}[{text}]" for name in _names(flag)]
    action = _zsh_action(_values(flag))
    if flag.several and isinstance(flag.rule, Choice):
        action = f"_sequence compadd - {' '.join(flag.rule.names)}"
    return [f"--{flag.name}=[{text}]:value:{action}"]


def _zsh_action(values: Candidates) -> str:
    if values in (FILES, FOLDERS):
        return "_files" if values == FILES else "_files -/"
    return f"({' '.join(values)})"
