# shellcheck shell=bash
# The distribution's packages.

# _need_root WHAT COMMAND...: fail with one clear error if we cannot become root
_need_root() {
    _is_privileged || die "$LINENO" "$1 needs root, or sudo without a password; run: ${*:2}"
}

# apt_get OPERATION PACKAGE...: one at a time on this machine, even if futures call it in parallel
apt_get() {
    local -
    set +x
    local result=0
    [[ ${OFFLINE-} != True && ${1-} ]] || return 0
    _need_root "apt-get $*" "sudo apt-get $*"
    time_start apt-get
    sudo DEBIAN_FRONTEND=noninteractive \
        http_proxy="${http_proxy-}" https_proxy="${https_proxy-}" no_proxy="${no_proxy-}" \
        flock --close /var/lib/dpkg \
        apt-get --option Dpkg::Options::=--force-confold --assume-yes "$@" < /dev/null || result=$?
    time_stop apt-get
    return "$result"
}

# apt_get_update: once per run, unless RETRY_UPDATE=True
apt_get_update() {
    local -
    set +x
    [[ ${REPOS_UPDATED-} != True || ${RETRY_UPDATE-} == True ]] || return 0
    [[ ${OFFLINE-} != True ]] || return 0
    _need_root "apt-get update" "sudo apt-get update"
    local -i tries
    for ((tries = 1; tries <= 3; tries++)); do
        if apt_get update; then
            REPOS_UPDATED=True
            return 0
        fi
        sleep "$((tries * 5))"
    done
    die "$LINENO" "Failed to update apt repos, we're dead now"
}

# update_package_repo
update_package_repo() {
    NO_UPDATE_REPOS=${NO_UPDATE_REPOS:-False}
    REPOS_UPDATED=${REPOS_UPDATED:-False}
    RETRY_UPDATE=${RETRY_UPDATE:-False}
    [[ $NO_UPDATE_REPOS != True ]] || return 0
    ! is_ubuntu || apt_get_update
}

# real_install_package PACKAGE...
real_install_package() {
    if is_ubuntu; then
        apt_get install "$@"
    elif is_fedora; then
        yum_install "$@"
    elif is_suse; then
        zypper_install "$@"
    else
        exit_distro_not_supported "installing packages"
    fi
}

# install_package PACKAGE...: does nothing if all are installed
install_package() {
    local IFS=$' \t\n'
    # shellcheck disable=SC2048,SC2086  # one argument may name several
    set -- $*
    if (($# == 0)) || is_package_installed "$@"; then
        return 0
    fi
    [[ ${OFFLINE-} != True ]] || return 0
    _need_root "installing $*" "sudo $(_install_command) $*"
    update_package_repo
    real_install_package "$@" || { RETRY_UPDATE=True update_package_repo && real_install_package "$@"; }
}

_install_command() {
    if is_ubuntu; then
        echo "apt-get install"
    elif is_suse; then
        echo "zypper install"
    else
        echo "dnf install"
    fi
}

# is_package_installed PACKAGE...: whether all are installed
is_package_installed() {
    local -
    set +x
    local state
    local -i installed=0
    (($# > 0)) || return 1
    if is_ubuntu; then
        # shellcheck disable=SC2016  # dpkg-query expands it
        while read -r state; do
            [[ $state != installed ]] || installed+=1
        done < <(dpkg-query -W -f '${db:Status-Status}\n' "$@" 2> /dev/null)
        ((installed >= $#))
    else
        rpm --quiet -q "$@"
    fi
}

# uninstall_package PACKAGE...
uninstall_package() {
    if is_ubuntu; then
        apt_get purge "$@"
    elif is_fedora; then
        sudo dnf remove -y "$@" || :
    elif is_suse; then
        sudo zypper remove -y "$@" || :
    else
        exit_distro_not_supported "uninstalling packages"
    fi
}

# yum_install PACKAGE...
yum_install() {
    [[ ${OFFLINE-} != True ]] || return 0
    sudo_with_proxies dnf install -y "$@"
}

# zypper_install PACKAGE...
zypper_install() {
    [[ ${OFFLINE-} != True ]] || return 0
    sudo_with_proxies zypper --non-interactive install --auto-agree-with-licenses --no-recommends "$@"
}

# _get_package_dir [BASE]
_get_package_dir() {
    local base=${1:-${FILES-}}
    if is_ubuntu; then
        echo "$base/debs"
    elif is_fedora; then
        echo "$base/rpms"
    elif is_suse; then
        echo "$base/rpms-suse"
    else
        exit_distro_not_supported "list of packages"
    fi
}

# get_packages SERVICE,SERVICE...: print their packages from the lists in files/debs
get_packages() {
    local -
    set +x
    (($# == 1)) || die "$LINENO" "get_packages takes a single, comma-separated argument"
    local directory service name
    local -a files=()
    local IFS=$' \t\n'
    directory=$(_get_package_dir)
    for service in ${1//,/ }; do
        for name in "$service" $(_package_lists "$service"); do
            [[ " ${files[*]} " == *" $directory/$name "* ]] || files+=("$directory/$name")
        done
    done
    _parse_package_files "${files[@]}"
}

# _package_lists SERVICE: print the lists that it needs in addition to its own
_package_lists() {
    case $1 in
        n-api) echo nova glance os-brick ;;
        c-*) echo cinder os-brick ;;
        s-*) echo swift ;;
        n-*) echo nova os-brick ;;
        g-*) echo glance ;;
        key*) echo keystone ;;
        q-* | neutron-*) echo neutron-common ;;
        ir-*) echo ironic ;;
    esac
}

# _parse_package_files FILE...: one package per line; the comment may have NOPRIME, dist: and not:
_parse_package_files() {
    local file line package
    [[ ${DISTRO-} ]] || GetDistro
    for file in "$@"; do
        [[ -e $file ]] || continue
        while IFS= read -r line || [[ $line ]]; do
            package=${line%%#*}
            package=${package//[[:space:]]/}
            [[ $package ]] && _wants_package "$line" && echo "$package"
        done < "$file"
    done
    return 0
}

_wants_package() {
    [[ $1 != *NOPRIME* ]] || return 1
    if [[ $1 =~ '#'.*dist:([^ ]*) && ,${BASH_REMATCH[1],,}, != *"${DISTRO,,}"* ]]; then
        return 1
    fi
    ! [[ $1 =~ '#'.*not:([^ ]*) && ,${BASH_REMATCH[1],,}, == *"${DISTRO,,}"* ]]
}

# get_plugin_packages: print the packages of all enabled plugins
get_plugin_packages() {
    local -
    set +x
    local plugin
    local -a files=()
    local IFS=','
    for plugin in ${DEVSTACK_PLUGINS-}; do
        [[ ! $plugin ]] || files+=("$(_get_package_dir "${GITDIR[$plugin]}/devstack/files")/$plugin")
    done
    _parse_package_files "${files[@]}"
}

# _install_listed_packages FILE...: the lists of a plugin: bindep.txt, or debs/NAME and the like
_install_listed_packages() {
    local -
    set +x
    local directory file
    local -a packages=()
    for file in "$@"; do
        directory=$(_get_package_dir "${file%/*/*}")
        [[ $file != "$directory"/* ]] || mapfile -t packages < <(_parse_package_files "$file")
    done
    ((${#packages[@]} == 0)) || install_package "${packages[@]}"
    [[ $file != */bindep.txt ]] || install_bindep "$file"
}

# install_bindep FILE [PROFILE,PROFILE]
install_bindep() {
    local -
    set +x
    local -a packages
    if [[ ! -f $1 ]]; then
        warn "$LINENO" "Can not find bindep file: $1"
        return 0
    fi
    [[ ${OFFLINE-} != True ]] || return 0
    local IFS=$' \t\n' missing
    local profiles=${2-}
    # bindep names the packages that are missing, and exits with 1.
    # shellcheck disable=SC2086  # profiles are words
    missing=$(_run_uv tool run bindep -b --file "$1" ${profiles//,/ }) || [[ $missing ]] ||
        die "$LINENO" "bindep cannot be run for $1"
    mapfile -t packages <<< "$missing"
    install_package "${packages[@]}"
}
