#!/bin/sh
# status.sh HOST [options]: how the sessions on a rented machine go. It changes nothing.
#
# HOST is USER@HOST:PORT, or a name of your ssh configuration.
#
#   --to DIR          folder there; default: screensmith
#   --lines N         of each log; default: 5
#   --key FILE        private key
#   --ssh-config FILE instead of your own

set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=scripts/remote/_remote.sh
. "$here/_remote.sh"

defaults
lines=5
while [ $# -gt 0 ]; do
    case $1 in
    --help | -h) usage && exit 0 ;;
    --to) value "$1" $# && there=$2 && shift ;;
    --lines) value "$1" $# && lines=$2 && shift ;;
    --key) value "$1" $# && key=$2 && shift ;;
    --ssh-config) value "$1" $# && config=$2 && shift ;;
    -*) fail "unknown option $1; see ${0##*/} --help" ;;
    *) target "$1" ;;
    esac
    shift
done
case $lines in
'' | *[!0-9]*) fail "--lines '$lines': a whole number is needed" ;;
esac
needs ssh
checked
first "test -d $(quoted "$there") || exit $no_folder" "$there; push.sh sends it"
remote "cd -- $(quoted "$there") 2>/dev/null && lines=$lines sh -s" <<'END' || fail "$host did not say how it goes"
for script in runs/remote/*.sh; do
    [ -f "$script" ] || { echo "no session was started"; break; }
    job=${script%.sh} name=${script##*/} name=${name%.sh}
    if tmux has-session -t "=$name" 2>/dev/null; then
        printf '%s: running; attach there with: tmux attach -t %s\n' "$name" "$name"
    elif [ -f "$job.status" ]; then
        printf '%s: ended with status %s\n' "$name" "$(cat "$job.status")"
    else
        printf '%s: gone without an end: it was killed, or the machine began anew\n' "$name"
    fi
    tail -n "$lines" "$job.log" 2>/dev/null | sed 's/^/    /'
done
df -h . | sed -n '2s/.* \([^ ]*\) *\([0-9]*%\) .*/disk: \1 free, \2 used/p'
if command -v nvidia-smi >/dev/null 2>&1; then
    nvidia-smi --query-gpu=name,memory.used,memory.total,utilization.gpu --format=csv,noheader | sed 's/^/GPU: /'
fi
END
