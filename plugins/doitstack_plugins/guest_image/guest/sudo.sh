#!/bin/sh
# There is only root.
while [ "${1#-}" != "$1" ]; do
    shift
done
exec "$@"
