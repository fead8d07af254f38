# shellcheck shell=bash
# Images for Glance.

# upload_image URL: download the image to $FILES, unless it is there or the URL is file://, and upload it to
# Glance as a public image with the file's name; an existing image of that name is not changed
upload_image() {
    local -
    set +x
    local file container_format=bare disk_format='' unpack=cat name
    _image_file "$1"
    name=${file##*/}
    case $name in
        *.xz) unpack='xz -dc' name=${name%.xz} ;;
        *.bz2) unpack='bzip2 -dc' name=${name%.bz2} ;;
        *.gz) unpack='gzip -dc' name=${name%.gz} ;;
    esac
    case $name in
        *.img) disk_format=$(_image_format "$file") ;;
        *.qcow2 | *.raw | *.iso | *.vmdk | *.vhd | *.vhdx | *.vdi | *.ploop) disk_format=${name##*.} ;;
        *.hds) disk_format=ploop ;;
        *.tar | *.tgz) _upload_parts "${name%.*}"; return ;;
        *) die "$LINENO" "upload_image: $1: unknown image format of ${file##*/}" ;;
    esac
    _upload_once "${name%.*}"
}

# _image_file URL: set `file`, and download it if it is missing; an incomplete download is never used
_image_file() {
    if [[ $1 == file://* ]]; then
        file=/${1#file://*/}
        [[ -s $file ]] || die "$LINENO" "upload_image: $1: the file does not exist or is empty"
        return 0
    fi
    file=$FILES/${1##*/}
    [[ ! -s $file ]] || return 0
    mkdir -p "$FILES"
    curl --fail --silent --show-error --location --retry 4 \
        --output "$file.part" "$1" || die "$LINENO" "upload_image: cannot download $1"
    mv "$file.part" "$file"
}

# _image_format FILE: print the format of an .img, from its first bytes after unpacking
_image_format() {
    local start
    # The unpacking program ends with SIGPIPE.
    start=$($unpack < "$1" 2> /dev/null | head -c 3 || :)
    if [[ $start == QFI ]]; then
        echo qcow2
    else
        echo raw
    fi
}

# _upload_parts NAME: upload what a .tar.gz has, a disk and, as images of their own, its kernel and ramdisk
_upload_parts() {
    # If this is stopped, the next call removes what is there, or `doit clean` does.
    local directory=${DATA_DIR:-$FILES}/images/$1 disk
    local -a properties=()
    [[ $unpack != cat ]] || unpack='gzip -dc'
    rm -rf "$directory"
    mkdir -p "$directory"
    $unpack < "$file" | tar -x -C "$directory" || die "$LINENO" "upload_image: cannot unpack $file"
    disk=$(_first_file "$directory"/*.img "$directory"/ami-*/image)
    [[ $disk ]] || die "$LINENO" "upload_image: there is no disk in $file"
    unpack="cat"
    _upload_part kernel aki "$1" "$directory"/*-vmlinuz* "$directory"/aki-*/image
    _upload_part ramdisk ari "$1" "$directory"/*-initrd* "$directory"/ari-*/image
    file=$disk disk_format=ami container_format=ami
    _upload_once "$1" "${properties[@]}"
    rm -rf "$directory"
}

# _upload_part PART FORMAT NAME FILE...: upload the first file that exists, and name it in `properties`
_upload_part() {
    local file disk_format=$2 container_format=$2
    file=$(_first_file "${@:4}")
    [[ $file ]] || return 0
    _upload_once "$3-$1" > /dev/null
    properties+=(--property "$1_id=$(openstack --os-cloud devstack-admin image show "$3-$1" -f value -c id)")
}

_first_file() {
    local file
    for file; do
        [[ ! -f $file ]] || { echo "$file"; return 0; }
    done
}

# _upload_once NAME OPTION...; uses the variables of upload_image
_upload_once() {
    local -a openstack=(openstack --os-cloud devstack-admin)
    [[ ! ${REGION_NAME-} ]] || openstack+=(--os-region-name "$REGION_NAME")
    if "${openstack[@]}" image show "$1" -f value -c id &> /dev/null; then
        echo "image $1 already exists"
        return 0
    fi
    $unpack < "$file" | "${openstack[@]}" image create "$1" --public -f value -c id \
        --container-format "$container_format" --disk-format "$disk_format" "${@:2}"
}
