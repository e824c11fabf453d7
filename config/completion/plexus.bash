# bash completion for plexus
_plexus() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  case $before in
    --key-file) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    -d | --database | --plugins) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
    -l | --log-level) mapfile -t COMPREPLY < <(compgen -W "error warning info debug trace" -- "$word") ;;
    --socks-mode) mapfile -t COMPREPLY < <(compgen -W "always onion" -- "$word") ;;
    --host-mode) mapfile -t COMPREPLY < <(compgen -W "onion public" -- "$word") ;;
    --smp-web-port-servers) mapfile -t COMPREPLY < <(compgen -W "all preset off" -- "$word") ;;
    --socks-proxy | --tcp-timeout | -s | --server | -e | --execute | -t | --time | -k | --key) ;;
    *)
      mapfile -t COMPREPLY < <(compgen -W "--database --server --execute --time --key --key-file --ask-key --log-level --plugins
        --socks --socks-proxy --tor --socks-mode --host-mode --required-host-mode --smp-web-port
        --smp-web-port-servers --tcp-timeout --help --version" -- "$word")
      ;;
  esac
}
complete -o filenames -F _plexus plexus
