# Written by npm run docs, from the program itself.
# For /usr/share/bash-completion/completions/knockctl.
_knockctl() {
  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command='' files='' last='' words word
  COMPREPLY=()
  case $before in
    -c|--config|--file|--sets-for)
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return
      ;;
    --on-failure) mapfile -t COMPREPLY < <(compgen -W 'hold restore flush' -- "$current") && return ;;
  esac
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $last in
      -c | --config) last='' && continue ;; # its value is no command
    esac
    last=$word
    case $word in
      accept | drop | trust | untrust | flush | list | events | check | doctor | init | import | client | install | uninstall | start | reload | confirm | stop | restart | condrestart | restartifdead | status | setup | run | knock) command=$word && break ;;
    esac
  done
  case $command in
    '') words='accept drop trust untrust flush list events check doctor init import client install uninstall start reload confirm stop restart condrestart restartifdead status setup run knock --config --json --version --help' ;;
    accept) words='--timeout --service --force --file --config --json' ;;
    drop) words='--timeout --force --spare --file --config --json' ;;
    trust) words='--save --file --config --json' ;;
    untrust) words='--save --file --config --json' ;;
    flush) words='--from --file --config --json banned trusted filter accepted all' ;;
    list) words='--config --json banned trusted filter accepted' ;;
    events) words='--follow --lines --since --kind --config --json' ;;
    check) words='--config --json' ;;
    doctor) words='--config --json' ;;
    init) words='--port --service --sequence --trust --on-failure --yes --force --config --json' ;;
    import) words='--write --force --config --json' files=yes ;;
    client) words='--host --ssh-config --shell --html --qr --config --json' ;;
    install) words='--config --json' ;;
    uninstall) words='--config --json' ;;
    start) words='--trial --boot --config --json' ;;
    reload) words='--trial --config --json' ;;
    confirm) words='--config --json' ;;
    stop) words='--config --json' ;;
    restart) words='--config --json' ;;
    condrestart) words='--config --json' ;;
    restartifdead) words='--config --json' ;;
    status) words='--config --json' ;;
    setup) words='--sets-for --config --json' ;;
    run) words='--config --json' ;;
    knock) words='' ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  if [ -n "$files" ]; then
    mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$current")
  fi
}
complete -F _knockctl knockctl
