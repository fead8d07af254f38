#!/bin/sh
# curl [-X METHOD] [-d DATA] http://ADDRESS/PATH: as tests ask for the metadata; nothing is added to the answer
method=GET data=
while [ $# -gt 1 ]; do
    case $1 in
        -X) method=$2 && shift ;;
        -d) data=$2 && shift ;;
        *) ;;
    esac
    shift
done
rest=${1#http://}
host=${rest%%/*}
answer=$(printf '%s /%s HTTP/1.0\r\nHost: %s\r\nContent-Length: %s\r\n\r\n%s' \
    "$method" "${rest#*/}" "$host" "${#data}" "$data" | timeout 30 nc "$host" 80)
printf %s "$(echo "$answer" | sed '1,/^\r*$/d')"
