#!/usr/bin/env bash
# in_devstack.sh DEVSTACK: in the sandbox, stack, unstack and clean with DevStack.
export TOP_DIR=$1
cp "$LOCAL_CONF" "$TOP_DIR/local.conf"
for script in stack unstack clean; do
    bash "${BASH_SOURCE[0]%/*}/devstack/$script.sh" || break
done
