#!/bin/sh
# Holds the network of a stack: a network namespace and a mount namespace, which live as long as a
# process is in them. All that is made in them, bridges, taps, namespaces and mounts, goes with them.
# Its argument is the directory of the stack's OVN.
set -eu
root=$1
# The bridges and ports that it lists went with the network before.
rm -f "$root/holder" "$root/conf.db"
if [ ! -d /run/netns ]; then
    : >"$root/made-run-netns"
    mkdir -p /run/netns
fi
# The mounts are seen in this mount namespace alone. iproute2 and Neutron keep namespaces there.
mount -t tmpfs -o mode=755 netns /run/netns
: >/run/netns/stack
mount --bind /proc/self/ns/net /run/netns/stack
# The interfaces in /sys/class/net are those of whoever mounts it.
mount -t sysfs sysfs /sys
ip link set lo up
printf '%s %s\n' "$$" "$(readlink /proc/self/ns/net)" >"$root/holder.new"
mv "$root/holder.new" "$root/holder"
exec sleep infinity
