--- runsmith completion: a shell's script that completes command lines. It asks the
--- program itself, which knows its options and the units of the running host.
local options = require 'cli.options'

local SHELLS = {}

SHELLS.bash = [=[
# bash completion of runsmith
_runsmith() {
  local current=${COMP_WORDS[COMP_CWORD]} line
  [ "$current" = = ] && current=
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
    :files)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      ;;
    :folders)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -d -- "$current")
      ;;
    *) COMPREPLY+=("${line%%$'\t'*}") ;;
    esac
  done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _runsmith runsmith
]=]

SHELLS.zsh = [=[
#compdef runsmith
# zsh completion of runsmith
_runsmith() {
  local line
  local -a found
  while IFS= read -r line; do
    case $line in
    :files) _files ;;
    :folders) _files -/ ;;
    *) found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
    esac
  done < <("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
  (( $#found )) && _describe runsmith found
}
if [ "$funcstack[1]" = _runsmith ]; then
  _runsmith "$@"
else
  compdef _runsmith runsmith
fi
]=]

SHELLS.fish = [=[
# fish completion of runsmith
function __runsmith_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  for line in ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
    switch $line
      case ':files'
        __fish_complete_path "$current"
      case ':folders'
        __fish_complete_directories "$current" ''
      case '*'
        echo $line
    end
  end
end
complete -c runsmith -f -a '(__runsmith_complete)'
]=]

return {
  name = 'completion',
  summary = 'print a script that has a shell complete command lines',
  args = { { 'SHELL', 'bash, zsh or fish', words = { 'bash', 'zsh', 'fish' } } },
  run = function(given)
    local shell, why = options.one_of('bash', 'zsh', 'fish')(given.SHELL)
    if not shell then
      io.stderr:write(("runsmith completion: '%s': %s\n"):format(given.SHELL, why))
      return 2
    end
    io.stdout:write(SHELLS[shell])
    return 0
  end,
}
