#!/bin/sh
# pull.sh HOST [options]: fetch results from a rented machine, and compare every byte.
#
# HOST is USER@HOST:PORT, or a name of your ssh configuration. Without --go it only shows what would
# happen. The same command again fetches only what differs, and continues half files. Nothing is deleted,
# here or there. Training states (trainer_state) stay there: of a full fine-tune they are six times the weights.
#
#   --to DIR          folder there; default: screensmith
#   --what PATH       of that folder; default: runs
#   --into DIR        folder here; default: runs/from-HOST of this project
#   --with-state      fetch training states too, to go on elsewhere
#   --key FILE        private key
#   --ssh-config FILE instead of your own
#   --go              do it

set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=scripts/remote/_remote.sh
. "$here/_remote.sh"

defaults
what=runs into='' state=''
while [ $# -gt 0 ]; do
    case $1 in
    --help | -h) usage && exit 0 ;;
    --go) go=yes ;;
    --with-state) state=yes ;;
    --to) value "$1" $# && there=$2 && shift ;;
    --what) value "$1" $# && what=$2 && shift ;;
    --into) value "$1" $# && into=$2 && shift ;;
    --key) value "$1" $# && key=$2 && shift ;;
    --ssh-config) value "$1" $# && config=$2 && shift ;;
    -*) fail "unknown option $1; see ${0##*/} --help" ;;
    *) target "$1" ;;
    esac
    shift
done
needs ssh rsync
checked
what=${what%/}
source=$there/$what
first "command -v rsync >/dev/null || exit $no_rsync; test -d $(quoted "$source") || exit $no_folder" "$source"
case $into in
'' | /*) ;;
*) into=$PWD/$into ;;
esac
[ -n "$into" ] || into=$here/../../runs/from-${ssh_host#*@}

set -- --exclude=.rsync-partial/ --exclude='.partial-*/'
[ -n "$state" ] || set -- --exclude=trainer_state/ "$@"
if [ -z "$go" ]; then
    # Into a folder that is not there yet, rsync would want its parents.
    [ -d "$into" ] || into=$here
    synchronise --dry-run "$@" "$host:$source/" "$into/" || fail "the files could not be listed"
    dry
    exit 0
fi
mkdir -p -- "$into" || fail "cannot make $into"
synchronise "$@" "$host:$source/" "$into/" || fail "the transfer broke off; the same command continues it"
different=$(synchronise --dry-run --checksum "$@" "$host:$source/" "$into/" | sed '/^\.d/d') ||
    fail "the files could not be compared; run the same command again"
[ -z "$different" ] || fail "not equal, or changed meanwhile: run the same command again:" "$(printf '%s' "$different" | tr '\n' ';')"
printf '%s: every file in %s is equal to the one there\n' "${0##*/}" "$into"
