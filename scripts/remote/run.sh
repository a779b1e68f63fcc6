#!/bin/sh
# run.sh HOST [options] -- COMMAND...: start a command on a rented machine, in tmux.
#
# It goes on when the connection ends. Its output goes to runs/remote/NAME.log there, and when it has
# ended its exit status to runs/remote/NAME.status; status.sh shows both. HOST is USER@HOST:PORT, or a name of
# your ssh configuration. Without --go it only shows what would happen.
#
#   --to DIR          folder there in which it runs; default: screensmith
#   --name NAME       of the session; default: forge. One that runs already is not started again; when
#                     it has ended, its log is continued
#   --key FILE        private key
#   --ssh-config FILE instead of your own
#   --go              do it
#
# The words of COMMAND arrive as they are. Programs of .venv/bin there are found first.

set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=scripts/remote/_remote.sh
. "$here/_remote.sh"

defaults
name=forge
while [ $# -gt 0 ]; do
    case $1 in
    --help | -h) usage && exit 0 ;;
    --go) go=yes ;;
    --to) value "$1" $# && there=$2 && shift ;;
    --name) value "$1" $# && name=$2 && shift ;;
    --key) value "$1" $# && key=$2 && shift ;;
    --ssh-config) value "$1" $# && config=$2 && shift ;;
    --) shift && break ;;
    -*) fail "unknown option $1; see ${0##*/} --help" ;;
    *) target "$1" ;;
    esac
    shift
done
[ $# -gt 0 ] || fail "what shall run? give -- COMMAND... at the end"
case $name in
'' | *[!A-Za-z0-9_-]*) fail "--name '$name': letters, digits, - and _ only" ;;
esac
needs ssh
command=''
for word in "$@"; do
    command="$command${command:+ }$(quoted "$word")"
done
checked

folder=$(quoted "$there")
job=runs/remote/$name
first "test -d $folder || exit $no_folder
command -v tmux >/dev/null || exit $no_tmux
if tmux has-session -t =$name 2>/dev/null; then exit $runs_already; fi" "$there; push.sh sends it"
printf '%s: in %s on %s, session %s: %s\n' "${0##*/}" "$there" "$host" "$name" "$command"
if [ -z "$go" ]; then
    dry
    exit 0
fi
# The job is a file there, so that no word passes through more than one shell.
remote "cd -- $folder && mkdir -p runs/remote && cat > $job.sh && rm -f $job.status &&
    tmux new-session -d -s $name 'sh $job.sh'" <<END || fail "the session could not be started on $host"
PATH="\$PWD/.venv/bin:\$PATH"
export PATH
{
    printf '%s: %s\n' "\$(date -u +%Y-%m-%dT%H:%M:%SZ)" $(quoted "$command")
    status=0
    $command || status=\$?
    printf '%s: ended with status %s\n' "\$(date -u +%Y-%m-%dT%H:%M:%SZ)" "\$status"
    printf '%s\n' "\$status" > $job.status.partial
    mv $job.status.partial $job.status
} 2>&1 | tee -a $job.log
END
printf '%s: started; status.sh %s shows how it goes\n' "${0##*/}" "$host${port:+:$port}"
