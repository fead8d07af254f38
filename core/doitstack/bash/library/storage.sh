# shellcheck shell=bash
# Volume groups and file systems in files, on loop devices. Nothing in /etc is changed.

# init_lvm_volume_group NAME SIZE: an empty volume group, which `doit unstack` and `doit clean` treat as those of
# volumes: the former frees its device, the latter removes its file.
init_lvm_volume_group() {
    local file=$DATA_DIR/lvm/$1-backing-file device
    if ! sudo vgs "$1" > /dev/null 2>&1; then
        (umask 077 && mkdir -p "${file%/*}" && truncate -s "$2" "$file")
        device=$(_loop_device "$file")
        # A group of an earlier run is there again with its device.
        sudo vgs "$1" > /dev/null 2>&1 || sudo vgcreate "$1" "$device"
    fi
    sudo lvremove -f "$1"
}

# clean_lvm_volume_group NAME
clean_lvm_volume_group() {
    local file=$DATA_DIR/lvm/$1-backing-file device
    ! sudo vgs "$1" > /dev/null 2>&1 || sudo vgremove -f "$1"
    device=$(sudo losetup --noheadings --output NAME --associated "$file" 2> /dev/null) || :
    [[ ! $device ]] || sudo losetup --detach "$device"
    rm -f "$file"
}

# _loop_device FILE: print the loop device of a file, which is made if it is missing
_loop_device() {
    local device
    device=$(sudo losetup --noheadings --output NAME --associated "$1")
    [[ $device ]] || device=$(sudo losetup --find --show "$1")
    echo "$device"
}

# create_disk FILE DIRECTORY SIZE: mount a new XFS, which is in FILE, at DIRECTORY; after a boot it is not mounted
create_disk() {
    destroy_disk "$1" "$2"
    sudo mkdir -p "$(dirname "$1")" "$2"
    sudo truncate -s "$3" "$1"
    # Extended attributes of Swift and Ceph fit into an inode of this size.
    sudo mkfs.xfs -f -i size=1024 "$1"
    sudo mount -v -t xfs -o loop,noatime,nodiratime,logbufs=8 "$1" "$2"
}

# destroy_disk FILE DIRECTORY
destroy_disk() {
    ! mountpoint -q "$2" || sudo umount "$2"
    sudo rm -f "$1"
}
