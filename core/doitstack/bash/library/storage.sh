# shellcheck shell=bash
# Volume groups and file systems in files, on loop devices. Nothing in /etc is changed.

# init_lvm_volume_group NAME SIZE: an empty volume group, which `doit unstack` and `doit clean` treat as those of
# volumes: the former frees its device, the latter removes its file. One of that name that is not ours is an error.
init_lvm_volume_group() {
    local file=$DATA_DIR/lvm/$1-backing-file device
    _refuse_other_group "$1" "$file"
    if ! sudo vgs "$1" > /dev/null 2>&1; then
        (umask 077 && mkdir -p "${file%/*}" && truncate -s "$2" "$file")
        device=$(_loop_device "$file")
        [[ $device ]] || device=$(sudo losetup --find --show "$file")
        # A group of an earlier run is there again with its device.
        sudo vgs "$1" > /dev/null 2>&1 || sudo vgcreate "$1" "$device"
    fi
    sudo lvremove -f "$1"
}

# clean_lvm_volume_group NAME
clean_lvm_volume_group() {
    local file=$DATA_DIR/lvm/$1-backing-file device
    _refuse_other_group "$1" "$file"
    ! sudo vgs "$1" > /dev/null 2>&1 || sudo vgremove -f "$1"
    device=$(_loop_device "$file")
    [[ ! $device ]] || sudo losetup --detach "$device"
    rm -f "$file"
}

# _refuse_other_group NAME FILE: fail if there is a group of that name that is not on the device of FILE
_refuse_other_group() {
    local REPLY
    REPLY=$(sudo vgs --noheadings --options pv_name "$1" 2> /dev/null) || return 0
    [[ ${REPLY//[[:space:]]/} == "$(_loop_device "$2")" ]] ||
        die "$LINENO" "volume group $1 is not the stack's, and would lose its volumes; use another name"
}

# _loop_device FILE: print the loop device of a file; nothing if it has none
_loop_device() {
    sudo losetup --noheadings --output NAME --associated "$1" 2> /dev/null || :
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
