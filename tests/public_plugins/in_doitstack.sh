#!/usr/bin/env bash
# in_doitstack.sh PYTHON: in the sandbox, stack, unstack and clean with doitstack.
"$1" -m doitstack init /opt/doitstack > /dev/null
cp "$LOCAL_CONF" /opt/doitstack/local.conf
here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
cd /opt/doitstack || exit
for task in stack unstack clean; do
    "$1" "$here/doit_alone.py" "$task" || break
    echo "@passed $task"
done
