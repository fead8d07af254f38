#!/bin/sh
# The first process, in the initial RAM file system: load the drivers, and go on from the disk.
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r module; do
    insmod "/lib/$module"
done < /lib/order
# doitstack looks for this line to see whether guests come up here.
[ -b /dev/vda2 ] || { echo "no disk: guest is up"; poweroff -f; }
mount -t ext4 /dev/vda2 /root
umount /proc
umount /sys
mount -o move /dev /root/dev
exec switch_root /root /sbin/init
