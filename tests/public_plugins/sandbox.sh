#!/usr/bin/env bash
# sandbox.sh DIRECTORY LAYERS COMMAND...: run a command as root on a copy of this machine's files, of which nothing is
# left. /opt is that of LAYERS, and nothing of /run is there. It is alone: it has namespaces of its own, in which the
# loopback is the only network, no device but the usual files, and no right to load modules or to set the clock.
# Only what is written into KEPT stays. To be run by unshare.

set -o errexit
work=$1 layers=$2 path=$PATH
shift 2
PATH=/usr/sbin:/usr/bin:/sbin:/bin

root=$work/root
mount -t tmpfs sandbox "$work"
mkdir "$work"/{upper,work,upper-opt,work-opt,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$root"
mkdir -p "$root/opt"
mount -t overlay overlay -o "lowerdir=$layers,upperdir=$work/upper-opt,workdir=$work/work-opt" "$root/opt"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs dev "$root/dev"
for name in null zero full random urandom tty; do
    : > "$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir "$root/dev/shm"
mount -t tmpfs run "$root/run"
mkdir -p "$root/run/systemd/system" # as if systemd ran
# Another stack of this machine may have files there.
rm -rf "$root"/etc/{keystone,glance,placement,nova,neutron,cinder,swift,tempest}
# The packages that DevStack installs have them.
mkdir -p "$root"/etc/{apache2/{sites,mods,conf}-{available,enabled},libvirt,rabbitmq,mysql/conf.d,uwsgi,sudoers.d} \
    "$root"/etc/{systemd/system,tgt/conf.d,lvm,rsyslog.d,logrotate.d,sysctl.d,modules-load.d} "$root"/etc/{bind,iscsi} "$root"/var/{cache/bind,www}
# Some programs are called by their path. The stubs find those of the machine in /machine.
mkdir "$root/machine"
for name in dpkg git ip python3 sleep; do
    cp "$root/bin/$name" "$root/machine/$name"
done
for stub in "$STUBS"/*; do
    for directory in "$root"{,/usr/local}/{bin,sbin}; do
        [[ ! -e $directory/${stub##*/} ]] || ln -sfn "$stub" "$directory/${stub##*/}"
    done
done
mount --bind "$KEPT" "$root$KEPT"
ip link set lo up
exec setpriv --bounding-set -sys_module,-sys_boot,-sys_time,-sys_rawio,-mknod chroot "$root" env PATH="$path" "$@"
