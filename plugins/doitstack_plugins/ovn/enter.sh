#!/bin/sh
# Runs a command in the network of the stack. Called as `see`, runs it in the network of the host,
# but with the stack's /sys/class/net and /run/netns.
set -eu
pid='' namespace=''
read -r pid namespace 2>/dev/null <"$(dirname "$0")/holder" || true
# The pid may be another process's by now.
if [ -z "$pid" ] || [ "$(readlink "/proc/$pid/ns/net")" != "$namespace" ]; then
    echo "the network of this stack does not run; to start it: doit stack" >&2
    exit 1
fi
# A plain `su` leaves out where haproxy, iptables and Open vSwitch are.
export PATH="$PATH:/usr/sbin:/sbin"
case $0 in
*/see) network= ;;
*) network=--net ;;
esac
exec nsenter --target "$pid" --mount $network -- env -C "$PWD" -- "$@"
