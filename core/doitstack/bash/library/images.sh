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

# Uses the variables of upload_image.
_upload_once() {
    local -a openstack=(openstack --os-cloud devstack-admin)
    [[ ! ${REGION_NAME-} ]] || openstack+=(--os-region-name "$REGION_NAME")
    if "${openstack[@]}" image show "$1" -f value -c id &> /dev/null; then
        echo "image $1 already exists"
        return 0
    fi
    $unpack < "$file" | "${openstack[@]}" image create "$1" --public -f value -c id \
        --container-format "$container_format" --disk-format "$disk_format"
}
