#!/bin/sh
# What udhcpc runs when it has an address, from its variables.
# shellcheck disable=SC2154 # they are its variables
case $1 in
    bound | renew) ;;
    *) exit 0 ;;
esac
ip address flush dev "$interface"
ip address add "$ip/$mask" dev "$interface"
[ ! "$mtu" ] || ip link set "$interface" mtu "$mtu"
for gateway in $router; do
    ip route add default via "$gateway" dev "$interface"
    break
done
# shellcheck disable=SC2086 # it is a list
set -- $staticroutes
while [ $# -ge 2 ]; do
    [ "$1" = 0.0.0.0/0 ] || ip route add "$1" via "$2" dev "$interface"
    shift 2
done
for server in $dns; do
    echo "nameserver $server"
done > /etc/resolv.conf
