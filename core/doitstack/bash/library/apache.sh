# shellcheck shell=bash
# Apache for the sites of scripts. It is the distribution's program with a configuration of our own, as a service of
# the stack, where APACHE_PORT can be used. Where it cannot, sites are only recorded.

APACHE_NAME=${APACHE_NAME:-apache2}
APACHE_PORT=${APACHE_PORT-80}
APACHE_CONF_DIR=${APACHE_CONF_DIR:-${DEST-}/apache/sites-available}
APACHE_SETTINGS_DIR=${APACHE_SETTINGS_DIR:-${DEST-}/apache/conf-enabled}

# Debian's default, and what proxies and DevStack's sites need.
_APACHE_MODULES="mpm_event access_compat alias auth_basic authn_core authn_file authz_core authz_host authz_user \
autoindex dir env filter headers mime proxy proxy_http proxy_uwsgi rewrite setenvif socache_shmcb ssl wsgi"

# is_apache_enabled_service SERVICE...
is_apache_enabled_service() {
    local service
    # shellcheck disable=SC2048
    for service in $*; do
        [[ ,${APACHE_ENABLED_SERVICES-}, != *",$service,"* ]] || return 0
    done
    return 1
}

# apache_site_config_for SITE: print the path of its configuration file
apache_site_config_for() {
    mkdir -p "$APACHE_CONF_DIR"
    echo "$APACHE_CONF_DIR/$1.conf"
}

# enable_apache_site, disable_apache_site SITE: serve it, or not, from the next start_apache_server on
enable_apache_site() {
    mkdir -p "$APACHE_CONF_DIR/../sites-enabled"
    ln -sfn "../sites-available/$1.conf" "$APACHE_CONF_DIR/../sites-enabled/$1.conf"
}

disable_apache_site() {
    rm -f "$APACHE_CONF_DIR/../sites-enabled/$1.conf"
}

# enable_apache_mod MODULE
enable_apache_mod() {
    mkdir -p "$APACHE_CONF_DIR/../mods-enabled"
    : > "$APACHE_CONF_DIR/../mods-enabled/$1"
}

enable_mod_ssl() {
    enable_apache_mod ssl
}

# start_apache_server, restart_apache_server, reload_apache_server: serve the enabled sites, without an interruption
# for those that are served already
start_apache_server() {
    local -
    set +x
    local root=${APACHE_CONF_DIR%/*} program report pid
    compgen -G "$root/sites-enabled/*.conf" > /dev/null && program=$(_apache_program "$root") || return 0
    (
        # scripts in futures may do this at the same time
        _lock 9
        _write_apache_conf "$root"
        report=$("$program" -t -f "$root/apache2.conf" 2>&1) || die "$LINENO" "Apache refuses a site: $report"
        if ! _apache_runs; then
            doitstack_request run_process apache "$(printf '%q ' "$program" -D FOREGROUND -f "$root/apache2.conf")"
        elif pid=$(_apache_pid "$root"); then
            kill -USR1 "$pid"
        else
            doitstack_request restart_process apache
        fi
    ) 9> "$root/lock"
}

restart_apache_server() {
    start_apache_server
}

reload_apache_server() {
    start_apache_server
}

# stop_apache_server: does nothing, since other plugins use it
stop_apache_server() {
    :
}

_apache_runs() {
    [[ $'\n'$(service_check) == *$'\n'"apache RUNNING"* ]]
}

# _apache_pid DIRECTORY: print the process that Apache has noted. Soon after it was killed and started again, the pid may
# be another program's.
_apache_pid() {
    local pid
    pid=$(< "$1/apache2.pid") && grep -qF "$1/apache2.conf" "/proc/$pid/cmdline" && echo "$pid"
} 2> /dev/null

# _apache_address: print the address of APACHE_PORT
_apache_address() {
    echo "$(ipv6_quote "${SERVICE_LISTEN_ADDRESS:-127.0.0.1}"):$APACHE_PORT"
}

# _apache_program DIRECTORY: print the program, which is installed if it is missing; otherwise say why it cannot serve
_apache_program() {
    local program=$1/apache2
    [[ ${_doitstack_session-} && $APACHE_PORT ]] || return 1
    if ! _apache_runs; then
        if (exec 3<> "/dev/tcp/${SERVICE_LISTEN_ADDRESS:-127.0.0.1}/$APACHE_PORT") 2> /dev/null; then
            _no_apache "something else uses the port"
        elif ! _is_privileged || ! is_ubuntu; then
            _no_apache "that needs Debian's or Ubuntu's apache2-bin, and root"
        fi || return
        _install_apache "$1" >&2 && [[ -x /usr/sbin/apache2 ]] || _no_apache "apache2-bin is not installed" || return
        rm -f "$program"
        # A user gets a program that may use the port, and that nobody else can run.
        if ((EUID != 0)); then
            install -m 700 /usr/sbin/apache2 "$program"
            sudo setcap cap_net_bind_service=+ep "$program" || _no_apache "setcap does not work in $1" || return
        else
            ln -s /usr/sbin/apache2 "$program"
        fi
    fi
    echo "$program"
}

# _install_apache DIRECTORY
_install_apache() {
    local packages=apache2-bin
    ! grep -qs '^ *WSGI' "$1"/sites-enabled/*.conf || packages+=" libapache2-mod-wsgi-py3"
    install_package "$packages"
}

# _no_apache REASON
_no_apache() {
    echo "Apache does not serve $(_apache_address): $1" >&2
    return 1
}

# _write_apache_conf DIRECTORY
_write_apache_conf() {
    local module file
    mkdir -p "$1/mods-enabled" "$APACHE_SETTINGS_DIR" "$APACHE_LOG_DIR"
    {
        printf '%s\n' "ServerRoot \"$1\"" "ServerName \"${SERVICE_HOST:-127.0.0.1}\"" "Listen $(_apache_address)" \
            "DefaultRuntimeDir \"$1\"" "PidFile apache2.pid" "ErrorLog \"$LOGDIR/apache.log\"" "ProxyPreserveHost On"
        # Apache does not answer as root.
        ((EUID != 0)) || printf '%s\n' "User www-data" "Group www-data"
        # shellcheck disable=SC2086 # a list of words
        for module in $(printf '%s\n' $_APACHE_MODULES "$1"/mods-enabled/* | sed 's|.*/||' | sort -u); do
            file=/usr/lib/apache2/modules/mod_$module.so
            [[ ! -e $file ]] || echo "LoadModule ${module}_module $file"
        done
        [[ ! -e /etc/mime.types ]] || echo "TypesConfig /etc/mime.types"
        _print_in_tree_sites
        for file in "$APACHE_SETTINGS_DIR"/*.conf "$1"/sites-enabled/*.conf; do
            [[ ! -e $file ]] || echo "Include \"$file\""
        done
    } > "$1/apache2.conf"
}

# DevStack's paths of the in-tree services: service, project, path
_IN_TREE_SITES=(key/KEYSTONE/identity g-api/GLANCE/image placement-api/PLACEMENT/placement n-api/NOVA/compute
    c-api/CINDER/volume "q-svc neutron-api/NEUTRON/networking")

_print_in_tree_sites() {
    local site service project path uri
    for site in "${_IN_TREE_SITES[@]}"; do
        IFS=/ read -r service project path <<< "$site"
        uri=${project}_SERVICE_URI
        # shellcheck disable=SC2086 # Neutron has two names
        if is_service_enabled $service && [[ ${!uri-} == http://* ]]; then
            echo "ProxyPass \"/$path\" \"${!uri%/}\" retry=0"
        fi
    done
}
