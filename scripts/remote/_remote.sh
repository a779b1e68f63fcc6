# shellcheck shell=sh
# What push.sh, run.sh, pull.sh and status.sh share; they read this file, nobody runs it.

fail() {
    printf '%s: error: %s\n' "${0##*/}" "$*" >&2
    exit 2
}

# A word that a shell reads back as one word, whatever is in it.
quoted() {
    printf "'"
    printf '%s' "$1" | sed "s/'/'\\\\''/g"
    printf "'"
}

# The same for the words in rsync's -e, which doubles quotes instead of escaping them.
rsync_quoted() {
    printf "'"
    printf '%s' "$1" | sed "s/'/''/g"
    printf "'"
}

needs() {
    for program in "$@"; do
        command -v "$program" >/dev/null 2>&1 || fail "$program is not installed here"
    done
}

# value OPTION COUNT: an option at the end has no value.
value() {
    [ "$2" -ge 2 ] || fail "$1 needs a value; see ${0##*/} --help"
}

# The comment at the top of the script is its help.
usage() {
    sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
}

# Sets what the options set to their defaults.
defaults() {
    host='' port='' key='' config='' there='screensmith' go='' name=''
}

# target USER@HOST:PORT | USER@[ADDRESS]:PORT | NAME
target() {
    [ -z "$host" ] || fail "unexpected word '$1'; the host is $host already"
    case $1 in
    '' | -*) fail "'$1' is no host: give USER@HOST:PORT, or a name of your ssh configuration" ;;
    *[[:space:]]*) fail "'$1' is no host: there is a space in it" ;;
    *\]:*) host=${1%:*} port=${1##*:} ;;
    *\]) host=$1 ;;
    *:*:*) fail "'$1': write an address with colons in brackets, as in USER@[ADDRESS]:PORT" ;;
    *:*) host=${1%:*} port=${1##*:} ;;
    *) host=$1 ;;
    esac
    case $port in
    *[!0-9]*) fail "'$1': '$port' is no port" ;;
    esac
    case $1 in
    *:) fail "'$1': the port is missing" ;;
    esac
    # ssh takes an address without brackets, rsync with them.
    ssh_host=$(printf '%s' "$host" | tr -d '[]')
}

# checked: the options make sense.
checked() {
    [ -n "$host" ] || fail "which host? give USER@HOST:PORT, or a name of your ssh configuration"
    [ -n "$there" ] || fail "--to needs a folder"
    case $there in
    -*) fail "'$there' is no folder: a name must not begin with a dash" ;;
    \~ | \~/*) fail "'$there': leave ~/ away, a relative folder counts from the home there" ;;
    esac
    [ -z "$key" ] || [ -f "$key" ] || fail "there is no key file $key"
    [ -z "$config" ] || [ -f "$config" ] || fail "there is no ssh configuration $config"
}

# What a first command there ends with where something is not as it must be.
no_folder=91 no_rsync=92 no_tmux=93 runs_already=94

# first COMMAND FOLDER: the first connection. One line says why where it fails; FOLDER is for that line.
first() {
    code=0
    said=$(remote "$1" 2>&1 </dev/null) || code=$?
    case $code in
    0) return ;;
    "$no_folder") fail "$host has no folder $2" ;;
    "$no_rsync") fail "rsync is not installed on $host; there: apt-get install rsync tmux" ;;
    "$no_tmux") fail "tmux is not installed on $host; there: apt-get install rsync tmux" ;;
    "$runs_already")
        fail "the session $name runs already on $host; status.sh shows it, --name NAME starts another" ;;
    esac
    said=$(printf '%s\n' "$said" | tr -d '\r' | sed '/^[[:space:]]*$/d' | tail -n 1)
    fail "cannot reach $host${port:+, port $port}: ${said:-ssh failed}. Try it once by hand, which also" \
        "shows the machine's key: ssh${port:+ -p $port} $ssh_host"
}

# remote COMMAND: one line for the shell there. Never asks for a password.
remote() {
    set -- "$ssh_host" "$1"
    [ -z "$port" ] || set -- -p "$port" "$@"
    [ -z "$key" ] || set -- -i "$key" "$@"
    [ -z "$config" ] || set -- -F "$config" "$@"
    ssh -o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=30 "$@"
}

# The same as a line for rsync's -e.
remote_shell() {
    printf 'ssh -o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=30'
    [ -z "$config" ] || printf ' -F %s' "$(rsync_quoted "$config")"
    [ -z "$key" ] || printf ' -i %s' "$(rsync_quoted "$key")"
    [ -z "$port" ] || printf ' -p %s' "$port"
}

# synchronise RSYNC-WORDS: resumable; half files wait in .rsync-partial. Names arrive as they are (-s).
synchronise() {
    rsync --archive --no-owner --no-group --protect-args --human-readable --itemize-changes \
        --partial-dir=.rsync-partial --rsh="$(remote_shell)" "$@"
}

dry() {
    [ -n "$go" ] || printf '%s: nothing was changed; --go does it\n' "${0##*/}"
}
