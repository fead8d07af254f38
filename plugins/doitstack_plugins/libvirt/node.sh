#!/bin/sh
# node.sh DIRECTORY HOSTNAME: the first process of the node's namespaces, which keeps them. Files and directories of
# DIRECTORY take the place of the system's, there alone; mount points that the system lacks are in memory.
set -e
cd "$1"
rm -f ready
hostname "$2"
mount -t tmpfs -o mode=755 doitstack mounts
cd mounts
for parent in /run /var/lib /var/cache /var/log; do
    mkdir -p "upper$parent" "work$parent"
    mount -t overlay -o "lowerdir=$parent,upperdir=upper$parent,workdir=work$parent" doitstack "$parent"
done
for place in /etc/libvirt /run/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt; do
    mkdir -p "$place"
    mount --bind "$1/places$place" "$place"
done
for file in /etc/passwd /etc/group /etc/hosts; do
    mount --bind "$1/places$file" "$file"
done
echo "$$" > "$1/ready"
exec sleep infinity
