# shellcheck shell=bash
# What we run on, from /etc/os-release.

declare -g os_VENDOR os_RELEASE os_PACKAGE os_CODENAME DISTRO
OS_RELEASE_FILE=${OS_RELEASE_FILE:-/etc/os-release}

# _os_release NAME: one value of the file
_os_release() {
    local line value=''
    while IFS= read -r line || [[ $line ]]; do
        [[ $line == "$1="* ]] && value=${line#*=}
    done < "$OS_RELEASE_FILE"
    value=${value#[\"\']}
    echo "${value%[\"\']}"
}

# GetOSVersion: os_VENDOR, os_RELEASE, os_CODENAME and os_PACKAGE, in lsb_release's words
GetOSVersion() {
    local -
    set +x
    [[ ! ${os_VENDOR-} || ! ${os_PACKAGE-} ]] || return 0
    os_RELEASE=$(_os_release VERSION_ID)
    os_CODENAME=$(_os_release VERSION_CODENAME)
    os_VENDOR=$(_os_vendor "$(_os_release ID)")
    os_PACKAGE=rpm
    case "$(_os_release ID) $(_os_release ID_LIKE)" in
        *debian* | *ubuntu*) os_PACKAGE=deb ;;
    esac
    : "${os_CODENAME:=n/a}"
    export os_VENDOR os_RELEASE os_PACKAGE os_CODENAME
}

_os_vendor() {
    case $1 in
        debian) echo Debian ;;
        ubuntu) echo Ubuntu ;;
        linuxmint) echo LinuxMint ;;
        fedora) echo Fedora ;;
        rhel) echo RedHatEnterprise ;;
        centos) [[ $(_os_release NAME) == *Stream* ]] && echo CentOSStream || echo CentOS ;;
        ol) echo OracleServer ;;
        rocky) echo Rocky ;;
        almalinux) echo AlmaLinux ;;
        openEuler) echo openEuler ;;
        virtuozzo) echo Virtuozzo ;;
        opensuse*) echo openSUSE ;;
        sles) echo SUSE ;;
        *) _os_release NAME ;;
    esac
}

# GetDistro: DISTRO, a code name or f40, rhel9, opensuse-15.6 and the like
GetDistro() {
    local -
    set +x
    GetOSVersion
    case $os_VENDOR in
        Ubuntu | Debian | LinuxMint) DISTRO=$os_CODENAME ;;
        Fedora) DISTRO=f$os_RELEASE ;;
        openSUSE) DISTRO=opensuse-$os_RELEASE ;;
        SUSE) DISTRO=sle${os_RELEASE%.*} ;;
        openEuler) DISTRO=openEuler-$os_RELEASE ;;
        *)
            if is_fedora; then
                DISTRO=rhel${os_RELEASE%%.*}
            elif [[ $os_PACKAGE == deb ]]; then
                DISTRO=$os_CODENAME
            else
                die "$LINENO" "Unable to determine DISTRO, can not continue."
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
        Fedora | 'Red Hat' | RedHatEnterprise* | CentOS* | Rocky | AlmaLinux | OracleServer | Virtuozzo) return 0 ;;
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
