#!/bin/sh
# push.sh HOST [options]: send this project to a rented machine.
#
# HOST is USER@HOST:PORT, or a name of your ssh configuration. Without --go it only shows what would
# happen. The same command again sends only what differs, and continues half files.
#
#   --to DIR          folder there, relative to the home; default: screensmith
#   --from DIR        folder here; default: the project that this script belongs to
#   --with PATH       send this, too: a part of data, models, checkpoints or runs, which are otherwise left
#                     out (see scripts/remote/excludes), such as data/forge; may be repeated
#   --delete          delete there what is not here; what is excluded stays
#   --key FILE        private key
#   --ssh-config FILE instead of your own
#   --go              do it

set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=scripts/remote/_remote.sh
. "$here/_remote.sh"

defaults
from=$here/../.. delete='' extra=''
while [ $# -gt 0 ]; do
    case $1 in
    --help | -h) usage && exit 0 ;;
    --go) go=yes ;;
    --delete) delete=yes ;;
    --to) value "$1" $# && there=$2 && shift ;;
    --from) value "$1" $# && from=$2 && shift ;;
    --key) value "$1" $# && key=$2 && shift ;;
    --ssh-config) value "$1" $# && config=$2 && shift ;;
    --with)
        value "$1" $#
        case /$2/ in
        */../* | *//* | */./*) fail "--with $2: a plain path such as data/forge is needed" ;;
        *[*?[]*) fail "--with $2: patterns are not possible here" ;;
        /data/* | /models/* | /checkpoints/* | /runs/*) ;;
        *) fail "--with $2: it is for parts of data, models, checkpoints and runs; others are sent anyway" ;;
        esac
        case $2 in
        *'
'*) fail "--with: a name with a line break cannot be sent" ;;
        esac
        extra="$extra${2%/}
"
        shift
        ;;
    -*) fail "unknown option $1; see ${0##*/} --help" ;;
    *) target "$1" ;;
    esac
    shift
done
needs ssh rsync
[ -d "$from" ] || fail "there is no folder $from"
from=$(CDPATH='' cd -- "$from" && pwd)
printf '%s' "$extra" | while IFS= read -r path; do
    [ -e "$from/$path" ] || fail "--with $path: there is no $from/$path"
done
checked

# First what never goes, then the wanted parts and the folders on the way to them, then nothing else of those.
includes='+ .env.example
- .env
- .env.*
- .download/
- .rsync-partial/
'
set -f
IFS='
'
for path in $extra; do
    includes="$includes+ /$path
+ /$path/***
"
    while [ "${path#*/}" != "$path" ]; do
        path=${path%/*}
        includes="$includes+ /$path/
"
    done
done
for path in $extra; do
    while [ "${path#*/}" != "$path" ]; do
        path=${path%/*}
        includes="$includes- /$path/*
"
    done
done
unset IFS
set -- --exclude-from="$here/excludes"
[ -z "$delete" ] || set -- --delete "$@"
make="mkdir -p -- $(quoted "$there")"
[ -n "$go" ] || make=true
[ -n "$go" ] || set -- --dry-run "$@"
first "command -v rsync >/dev/null || exit $no_rsync; $make" "$there"
# Rules from standard input come before the others on the command line.
[ -n "$extra" ] || includes=''
printf '%s' "$includes" | synchronise --filter='merge -' "$@" "$from/" "$host:$there/" ||
    fail "the transfer broke off; the same command continues it"
dry
