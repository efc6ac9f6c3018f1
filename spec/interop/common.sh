# shellcheck shell=bash
# common.sh - shared by the start scripts beside it (bash, sourced, not run).
#
#   NAME.sh start DIR    makes DIR/NAME, starts the server from there, waits until it
#                        answers and prints its ports as NAME_WHAT=port, one a line
#   NAME.sh stop DIR     stops it by its process id
#
# Exit status: 0 done, 1 failed (the log is shown), 77 it cannot run here: the program
#              is not installed, say.
#
# Environment, all optional:
#   KIT_CERT=server      which certificate of DIR/ca the server presents (ca.sh lists them)
#   KIT_TLS=on           off: the same server with TLS switched off, to see a refusal
#   NAME_WHAT=port       a fixed port in place of a free one, e.g. POSTFIX_SMTP=20025
# Every server listens on 127.0.0.1 only, some also on ::1 (where the machine has it).
# Start as root: most of these servers insist on it or on dropping to their own user.

set -u
kit_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
KIT_CERT=${KIT_CERT:-server}
KIT_TLS=${KIT_TLS:-on}
PATH=$PATH:/usr/sbin:/sbin

kit_die() { echo "$kit_name: $*" >&2; exit 1; }
kit_need() { command -v "$1" >/dev/null 2>&1 || { echo "$kit_name: $1 not installed" >&2; exit 77; }; }
kit_tls() { [ "$KIT_TLS" = on ]; }

# Is ::1 there?
kit_v6() { grep -q '^00000000000000000000000000000001 ' /proc/net/if_inet6 2>/dev/null; }

# True when something listens on 127.0.0.1:$1.
kit_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# kit_port VAR...: give each VAR a port (kept when the environment sets it) and note it.
kit_port() {
    local v p
    for v in "$@"; do
        p=${!v:-}
        while [ -z "$p" ]; do
            p=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
            if kit_open "$p" || grep -qs "=$p\$" "$kit_root"/*/ports; then p=; fi
        done
        printf -v "$v" %s "$p"
        echo "$v=$p" >>"$kit_dir/ports"
    done
}

# kit_spawn CMD...: run in the background in DIR/NAME, output to DIR/NAME/log, note the pid.
kit_spawn() {
    ( cd "$kit_dir" && exec setsid "$@" </dev/null >>log 2>&1 ) &
    echo $! >>"$kit_dir/pids"
}

# Is the process there? One that ended and waits for an idle init to collect it is not.
kit_runs() { kill -0 "$1" 2>/dev/null && ! grep -qs '^State:[[:space:]]*Z' "/proc/$1/status"; }

kit_alive() {
    local p
    while read -r p; do kit_runs "$p" || return 1; done <"$kit_dir/pids"
}

# kit_wait PORT [greets]: until the port answers; with "greets", until it says something.
kit_wait() {
    local i
    for ((i = 0; i < ${KIT_WAIT:-200}; i++)); do
        if [ "${2:-}" = greets ]; then
            (exec 3<>"/dev/tcp/127.0.0.1/$1" && read -r -N1 -t5 _ <&3) 2>/dev/null && return 0
        else
            kit_open "$1" && return 0
        fi
        kit_alive || { tail -20 "$kit_dir/log" >&2; kit_stop_pids; kit_die "ended at once"; }
        sleep 0.1
    done
    tail -20 "$kit_dir/log" >&2
    kit_stop_pids
    kit_die "no answer on port $1"
}

# kit_stop_pids [SIGNAL]
kit_stop_pids() {
    local p i
    [ -f "$kit_dir/pids" ] || return 0
    while read -r p; do kill "-${1:-TERM}" "$p" 2>/dev/null; done <"$kit_dir/pids"
    while read -r p; do
        for ((i = 0; i < 200; i++)); do kit_runs "$p" || continue 2; sleep 0.05; done
        kill -KILL "$p" 2>/dev/null
    done <"$kit_dir/pids"
    rm -f "$kit_dir/pids"
}

# kit_give USER FILE...: hand files to the user the server runs as.
kit_give() { local u=$1; shift; chown -R "$u" "$@" || kit_die "no user $u (are you root?)"; }

# kit_main NAME "$@": parse the command line, then call start or stop.
kit_main() {
    kit_name=$1; shift
    if [ $# -ne 2 ]; then echo "usage: $kit_name.sh start|stop DIR" >&2; exit 2; fi
    mkdir -p "$2" || exit 1
    kit_root=$(cd "$2" && pwd)
    kit_dir=$kit_root/$kit_name
    ca=$kit_root/ca
    case $1 in
    start)
        [ -f "$kit_dir/pids" ] && kit_alive && { echo "$kit_name: already running in $kit_dir" >&2; cat "$kit_dir/ports"; exit 0; }
        "$kit_here/../support/ca.sh" "$ca" || exit 1
        rm -rf "$kit_dir"; mkdir -p "$kit_dir" || exit 1
        # servers that change user have to get in
        chmod 755 "$kit_root" "$kit_dir"
        cp "$ca/$KIT_CERT.pem" "$kit_dir/cert.pem" || kit_die "no certificate $KIT_CERT"
        cp "$ca/$KIT_CERT.key" "$kit_dir/key.pem"
        cp "$ca/ca.pem" "$kit_dir/ca.pem"
        chmod 600 "$kit_dir/key.pem"
        : >"$kit_dir/log"; : >"$kit_dir/ports"; : >"$kit_dir/pids"
        start
        cat "$kit_dir/ports"
        ;;
    stop)
        if declare -F stop >/dev/null; then stop; else kit_stop_pids; fi
        ;;
    *) echo "usage: $kit_name.sh start|stop DIR" >&2; exit 2 ;;
    esac
}
