# shellcheck shell=bash
# The distribution, from /etc/os-release.

declare -g os_VENDOR os_RELEASE os_PACKAGE os_CODENAME DISTRO
OS_RELEASE_FILE=${OS_RELEASE_FILE:-/etc/os-release}

# _os_release: read the values of the file into the caller's array os
_os_release() {
    local line value
    [[ -r $OS_RELEASE_FILE ]] || return 0
    while IFS= read -r line || [[ $line ]]; do
        [[ $line == [A-Z]*=* ]] || continue
        value=${line#*=}
        value=${value#[\"\']}
        os[${line%%=*}]=${value%[\"\']}
    done < "$OS_RELEASE_FILE"
}

# GetOSVersion: set os_VENDOR, os_RELEASE, os_CODENAME and os_PACKAGE, with the values of lsb_release
GetOSVersion() {
    local -
    set +x
    local -A os=([ID]='' [ID_LIKE]='' [NAME]='')
    [[ ! ${os_VENDOR-} || ! ${os_PACKAGE-} ]] || return 0
    _os_release
    os_RELEASE=${os[VERSION_ID]-} os_CODENAME=${os[VERSION_CODENAME]:-n/a} os_PACKAGE=rpm
    [[ "${os[ID]} ${os[ID_LIKE]}" != *@(debian|ubuntu)* ]] || os_PACKAGE=deb
    # DevStack sources the file.
    : "${ID=${os[ID]}}" "${NAME=${os[NAME]}}" "${VERSION_ID=$os_RELEASE}" "${VERSION_CODENAME=${os[VERSION_CODENAME]-}}"
    _set_os_vendor
    export os_VENDOR os_RELEASE os_PACKAGE os_CODENAME
}

_set_os_vendor() {
    case ${os[ID]} in
        debian) os_VENDOR=Debian ;;
        ubuntu) os_VENDOR=Ubuntu ;;
        linuxmint) os_VENDOR=LinuxMint ;;
        fedora) os_VENDOR=Fedora ;;
        rhel) os_VENDOR=RedHatEnterprise ;;
        centos) [[ ${os[NAME]} == *Stream* ]] && os_VENDOR=CentOSStream || os_VENDOR=CentOS ;;
        ol) os_VENDOR=OracleServer ;;
        rocky) os_VENDOR=Rocky ;;
        almalinux) os_VENDOR=AlmaLinux ;;
        openEuler) os_VENDOR=openEuler ;;
        virtuozzo) os_VENDOR=Virtuozzo ;;
        opensuse*) os_VENDOR=openSUSE ;;
        sles) os_VENDOR=SUSE ;;
        *) os_VENDOR=${os[NAME]:-unknown} ;;
    esac
}

# GetDistro: set DISTRO to a code name, or to f40, rhel9, opensuse-15.6 or the like
GetDistro() {
    local -
    set +x
    _set_distro || die "$LINENO" "Unable to determine DISTRO, can not continue."
}

_set_distro() {
    GetOSVersion
    case $os_VENDOR in
        Fedora) DISTRO=f$os_RELEASE ;;
        openSUSE) DISTRO=opensuse-$os_RELEASE ;;
        SUSE) DISTRO=sle${os_RELEASE%.*} ;;
        openEuler) DISTRO=openEuler-$os_RELEASE ;;
        *)
            if [[ $os_PACKAGE == deb ]]; then
                DISTRO=$os_CODENAME
            elif is_fedora; then
                DISTRO=rhel${os_RELEASE%%.*}
            else
                return 1
            fi
            ;;
    esac
    export DISTRO
}

is_ubuntu() {
    GetOSVersion
    [[ $os_PACKAGE == deb ]]
}

is_fedora() {
    GetOSVersion
    case $os_VENDOR in
        Fedora | 'Red Hat' | RedHatEnterprise* | CentOS* | Rocky | AlmaLinux | OracleServer | Virtuozzo | openEuler) return 0 ;;
    esac
    return 1
}

is_opensuse() {
    GetOSVersion
    [[ $os_VENDOR == openSUSE ]]
}

is_suse_linux_enterprise() {
    GetOSVersion
    [[ $os_VENDOR == SUSE* ]]
}

is_suse() {
    is_opensuse || is_suse_linux_enterprise
}

is_oraclelinux() {
    GetOSVersion
    [[ $os_VENDOR == OracleServer ]]
}

is_openeuler() {
    GetOSVersion
    [[ $os_VENDOR == openEuler ]]
}

# is_arch ARCHITECTURE
is_arch() {
    [[ $(uname -m) == "$1" ]]
}

running_in_container() {
    [[ -e /.dockerenv || -e /run/.containerenv ]] || systemd-detect-virt --quiet --container 2> /dev/null
}

# exit_distro_not_supported [WHAT]
exit_distro_not_supported() {
    [[ ${DISTRO-} ]] || GetDistro
    if (($# > 0)); then
        die "$LINENO" "Support for $DISTRO is incomplete: no support for $*"
    fi
    die "$LINENO" "Support for $DISTRO is incomplete."
}

# stack.sh sets DISTRO before the first plugin; an unknown system is an error only for functions that use it
_set_distro || :
