#!/bin/sh
# What init runs first: the network, then name, key and script of the user from the metadata.
export PATH=/bin:/sbin
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
mount -t tmpfs run /run
# Built without root, the files belong to the builder.
[ -e /etc/booted ] || chown -Rh 0:0 /bin /etc /lib /lib64 /root /sbin /usr
: > /etc/booted

hostname guest
ip link set lo up
for device in /sys/class/net/*; do
    name=${device##*/}
    [ "$name" != lo ] || continue
    ip link set "$name" up
    udhcpc -i "$name" -p "/run/udhcpc.$name.pid" -s /bin/dhcp -O staticroutes -O mtu -t 10 -T 2 -S -b > /dev/null 2>&1
done
ip -4 -o address show | sed 's/^/guest: /' > /dev/console

tries=0
until id=$(metadata meta-data/instance-id) || [ "$tries" = 10 ]; do
    tries=$((tries + 1))
    sleep 1
done
if [ "$id" ]; then
    hostname "$(metadata meta-data/hostname | cut -d. -f1)"
    mkdir -p /root/.ssh
    metadata meta-data/public-keys/0/openssh-key > /root/.ssh/authorized_keys
    chmod -R go= /root/.ssh
    metadata user-data > /run/user-data
    if head -n 1 /run/user-data | grep -q '^#!'; then
        chmod 700 /run/user-data
        /run/user-data > /dev/console 2>&1
    fi
fi
echo "guest: $(hostname) is ready after $(cut -d' ' -f1 /proc/uptime) s" > /dev/console
