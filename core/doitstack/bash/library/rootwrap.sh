# shellcheck shell=bash
# Programs that run as root on behalf of a service.

SUDO_SECURE_PATH_FILE=${SUDO_SECURE_PATH_FILE:-/etc/sudoers.d/zz-secure-path}

# get_rootwrap_location MODULE
get_rootwrap_location() {
    echo "$(get_python_exec_prefix)/$1-rootwrap"
}

# add_sudo_secure_path DIRECTORY
add_sudo_secure_path() {
    local line="Defaults:$STACK_USER secure_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    if sudo test -r "$SUDO_SECURE_PATH_FILE"; then
        line=$(sudo head -n 1 "$SUDO_SECURE_PATH_FILE")
    fi
    [[ $line: != *[:=]"$1":* ]] || return 0
    echo "$line:$1" | sudo tee "$SUDO_SECURE_PATH_FILE" > /dev/null
    sudo chmod 0400 "$SUDO_SECURE_PATH_FILE"
    sudo chown root:root "$SUDO_SECURE_PATH_FILE"
}

# configure_rootwrap PROJECT: install its filters and its line for sudo, from PROJECT_DIR and
# PROJECT_BIN_DIR
configure_rootwrap() {
    local project=$1 bin=${1^^}_BIN_DIR directory=${1^^}_DIR rootwrap sudoers
    directory=${!directory}/etc/$project
    bin=${!bin:-$(get_python_exec_prefix)}
    rootwrap=$bin/$project-rootwrap
    sudo rm -rf "/etc/$project/rootwrap.d"
    sudo install -d -o root -g root -m 755 "/etc/$project/rootwrap.d"
    sudo install -o root -g root -m 644 "$directory"/rootwrap.d/*.filters "/etc/$project/rootwrap.d"
    sudo install -o root -g root -m 644 "$directory/rootwrap.conf" "/etc/$project/rootwrap.conf"
    sudo sed -e "s:^filters_path=.*$:filters_path=/etc/$project/rootwrap.d:" -i "/etc/$project/rootwrap.conf"
    sudoers=$(mktemp)
    echo "$STACK_USER ALL=(root) NOPASSWD: $rootwrap /etc/$project/rootwrap.conf *" > "$sudoers"
    if [[ -f $rootwrap-daemon ]]; then
        echo "$STACK_USER ALL=(root) NOPASSWD: $rootwrap-daemon /etc/$project/rootwrap.conf" >> "$sudoers"
    fi
    sudo install -D -o root -g root -m 0440 "$sudoers" "/etc/sudoers.d/$project-rootwrap"
    rm -f "$sudoers"
    add_sudo_secure_path "$bin"
}

# configure_root_helper_options FILE: configure how an agent of Neutron becomes root
configure_root_helper_options() {
    iniset "$1" agent root_helper "${Q_RR_COMMAND:-sudo}"
    if [[ ${Q_RR_DAEMON_COMMAND-} ]]; then
        iniset "$1" agent root_helper_daemon "$Q_RR_DAEMON_COMMAND"
    fi
}
