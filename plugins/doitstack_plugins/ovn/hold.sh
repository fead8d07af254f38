#!/bin/sh
# Holds the network of a stack: a network namespace and a mount namespace, which live as long as a
# process is in them. All that is made in them, bridges, taps, namespaces and mounts, goes with them.
# Its argument is the directory of the stack's OVN.
set -eu
root=$1
# The bridges and ports that it lists went with the network before.
rm -f "$root/holder" "$root/conf.db"
# iproute2 and Neutron keep namespaces there. The mounts are seen in this mount namespace alone; the
# directory stays, as removing it would undo the mounts of other stacks on it.
mkdir -m 755 /run/netns 2>/dev/null || [ -d /run/netns ]
mount -t tmpfs -o mode=755 netns /run/netns
: >/run/netns/stack
mount --bind /proc/self/ns/net /run/netns/stack
# The interfaces in /sys/class/net are those of whoever mounts it.
mount -t sysfs sysfs /sys
ip link set lo up
printf '%s %s\n' "$$" "$(readlink /proc/self/ns/net)" >"$root/holder.new"
mv "$root/holder.new" "$root/holder"
exec sleep infinity
