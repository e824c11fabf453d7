# bash completion for plexusd and plexus-validate
_plexusd() {
  local word=${COMP_WORDS[COMP_CWORD]} command= sub= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      --plugins) ((i++)) ;;
      -*) ;;
      *)
        if [[ -z $command ]]; then command=${COMP_WORDS[i]}; else sub=${sub:-${COMP_WORDS[i]}}; fi
        ;;
    esac
  done
  COMPREPLY=()
  case $command/$sub in
    /) mapfile -t COMPREPLY < <(compgen -W "init start ctl backup compact verify repair import export plugin config --plugins --help --version" -- "$word") ;;
    init/*)
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "--host --port --password --tor --help" -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
      fi
      ;;
    backup/* | compact/* | verify/* | repair/* | import/* | export/*)
      if [[ $word == -* && $command == import ]]; then
        mapfile -t COMPREPLY < <(compgen -W "--strict --help" -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
      fi
      ;;
    ctl/) mapfile -t COMPREPLY < <(compgen -d -- "$word"; compgen -W "--json --help" -- "$word") ;;
    ctl/*)
      mapfile -t COMPREPLY < <(compgen -W "stats clients queues queue information block unblock delete save day log reload rotate
        drain stop error warning info debug trace spam content" -- "$word")
      ;;
    plugin/) mapfile -t COMPREPLY < <(compgen -W "list inspect check why" -- "$word") ;;
    plugin/inspect)
      mapfile -t COMPREPLY < <(compgen -W "$(plexusd plugin list 2> /dev/null | cut -d ' ' -f 1)" -- "$word")
      ;;
    plugin/check) mapfile -t COMPREPLY < <(compgen -f -X '!*.so' -- "$word"; compgen -d -- "$word") ;;
    config/) mapfile -t COMPREPLY < <(compgen -W "check" -- "$word") ;;
    start/* | plugin/why | config/check)
      mapfile -t COMPREPLY < <(compgen -f -X '!*.toml' -- "$word"; compgen -d -- "$word")
      ;;
  esac
}
complete -o filenames -F _plexusd plexusd

_plexus_validate() {
  local word=${COMP_WORDS[COMP_CWORD]}
  if [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "--set --with --config --plugins --suite --bound --forgets --peer --no-half-close --only
      --timeout --json --list --help" -- "$word")
  elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == --suite ]]; then
    mapfile -t COMPREPLY < <(compgen -W "store transport" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -X '!*.so' -- "$word"; compgen -d -- "$word")
  fi
}
complete -o filenames -F _plexus_validate plexus-validate
