#!/bin/sh
# mkfs [-t TYPE] DEVICE
for device; do :; done
case " $* " in
    *vfat*) exec mkdosfs "$device" ;;
    *) exec mke2fs "$device" ;;
esac
