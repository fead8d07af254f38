#!/bin/sh
# The disks, in the columns of util-linux: tests look for the column TYPE.
form='%-4s %7s %2s %11s %2s %-4s %s\n'
# shellcheck disable=SC2059 # it is a format
printf "$form" NAME MAJ:MIN RM SIZE RO TYPE MOUNTPOINTS
for disk in /sys/block/vd*; do
    size=$(cat "$disk/size")
    # shellcheck disable=SC2059 # as above
    printf "$form" "${disk##*/}" "$(cat "$disk/dev")" 0 "$((size * 512))" "$(cat "$disk/ro")" disk ''
done
