# bash completion for plexus
_plexus() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  case $before in
    -d | --database | --plugins) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
    -l | --log-level) mapfile -t COMPREPLY < <(compgen -W "error warning info debug trace" -- "$word") ;;
    -s | --server | -e | --execute | -t | --time | -k | --key) ;;
    *)
      mapfile -t COMPREPLY < <(compgen -W "--database --server --execute --time --key --log-level --plugins
        --help --version" -- "$word")
      ;;
  esac
}
complete -o filenames -F _plexus plexus
