# bash completion for plexus-bench
_plexus_bench() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} workload=${COMP_WORDS[1]}
  local all="--rounds --auth --smp-version --group --no-baseline --remote --json --help"
  local running="--pid --vs --vs-pid --keep" starting="--server-log"
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W "throughput latency idle subscribe restart crash soak attack --help --version" -- "$word")
    return
  fi
  case $before in
    --auth) mapfile -t COMPREPLY < <(compgen -W "ed25519 ed448 x25519" -- "$word") && return ;;
    --group) mapfile -t COMPREPLY < <(compgen -W "x448 x25519" -- "$word") && return ;;
    --kind) mapfile -t COMPREPLY < <(compgen -W "new signatures proxied half-open slow deaf all" -- "$word") && return ;;
    --csv | --server-log) mapfile -t COMPREPLY < <(compgen -f -- "$word") && return ;;
    --) mapfile -t COMPREPLY < <(compgen -c -- "$word") && return ;;
  esac
  [[ $word == -* ]] || return
  case $workload in
    throughput) all+=" --connections --queues --window --size --seconds $running" ;;
    latency) all+=" --size --messages $running" ;;
    idle | subscribe) all+=" --connections --queues $running" ;;
    restart) all+=" --queues $starting" ;;
    crash) all+=" --connections --queues --window --size $starting" ;;
    attack) all+=" --connections --size --seconds --kind $running" ;;
    soak) all+=" --connections --queues --window --size --minutes --seconds --interval --churn --rate --csv $running" ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$all" -- "$word")
}
complete -o filenames -F _plexus_bench plexus-bench
