# shellcheck shell=bash
# API services in a WSGI server: uwsgi under the stack's supervisor. A service that DevStack would put behind Apache
# listens on its own port, and Apache, where it runs, forwards to that.

_WSGI_MODULE='^[A-Za-z0-9_.]+:[A-Za-z0-9_]+$'

# install_apache_wsgi, install_apache_uwsgi: install uwsgi, which is used for both
install_apache_wsgi() {
    install_apache_uwsgi
}

install_apache_uwsgi() {
    pip_install pyuwsgi
}

# uwsgi_http_address NAME: print the host:port of the service NAME, always the same
uwsgi_http_address() {
    local -
    set +x
    local file=${DATA_DIR:-$DEST/data}/uwsgi-ports port
    port=$(_noted "$file" "$1")
    if [[ ! $port ]]; then
        port=$(get_random_port)
        mkdir -p "${file%/*}"
        echo "$1=$port" >> "$file"
    fi
    echo "$(ipv6_quote "${SERVICE_LISTEN_ADDRESS:-127.0.0.1}"):$port"
}

# _noted FILE NAME: print the value of the last NAME=value in the file
_noted() {
    local line value=''
    [[ -r $1 ]] || return 0
    while IFS= read -r line; do
        [[ $line != "$2="* ]] || value=${line#*=}
    done < "$1"
    echo "$value"
}

# _write_uwsgi_common CONF WSGI
_write_uwsgi_common() {
    rm -f "$1"
    if [[ $2 =~ $_WSGI_MODULE ]]; then
        iniset "$1" uwsgi module "$2"
    else
        iniset "$1" uwsgi wsgi-file "$2"
    fi
    iniset "$1" uwsgi processes "${API_WORKERS:-1}"
    iniset "$1" uwsgi master true
    iniset "$1" uwsgi die-on-term true
    iniset "$1" uwsgi exit-on-reload false
    iniset "$1" uwsgi worker-reload-mercy "${WORKER_TIMEOUT:-90}"
    iniset "$1" uwsgi enable-threads true
    iniset "$1" uwsgi thunder-lock true
    iniset "$1" uwsgi hook-master-start "unix_signal:15 gracefully_kill_them_all"
    iniset "$1" uwsgi buffer-size 65535
    iniset "$1" uwsgi add-header "Connection: close"
    iniset "$1" uwsgi lazy-apps true
    iniset "$1" uwsgi start-time %t
    iniset "$1" uwsgi virtualenv "$(_current_venv)"
}

# write_uwsgi_config CONF WSGI [URL [HTTP [NAME]]]: HTTP is host:port; without it, a port
# is chosen, and the address with the path URL is recorded in the site's file
write_uwsgi_config() {
    local conf=$1 wsgi=$2 url=${3-} http=${4-} name=${5-}
    [[ $name ]] || name=${wsgi##*/}
    _write_uwsgi_common "$conf" "$wsgi"
    if [[ ! $http ]]; then
        http=$(uwsgi_http_address "$name")
        _note_site "$name" "$url" "$http${url%/}"
        _mount_uwsgi "$conf" "$wsgi" "$url"
    fi
    iniset "$conf" uwsgi http-socket "$http"
}

# _mount_uwsgi CONF WSGI URL: make the service answer at its path, for example /identity, as behind Apache.
# uWSGI mounts modules, and files that end in .py or .wsgi; for a program it gets a link.
_mount_uwsgi() {
    local application=$2
    [[ $3 == /* && $3 != / ]] || return 0
    if [[ $2 != *.py && $2 != *.wsgi && ! $2 =~ $_WSGI_MODULE ]]; then
        application=${1%.*}.wsgi
        [[ $application == /* ]] || application=$PWD/$application
        ln -sfn "$2" "$application"
    fi
    inidelete "$1" uwsgi module
    inidelete "$1" uwsgi wsgi-file
    iniset "$1" uwsgi mount "$3=$application"
    iniset "$1" uwsgi manage-script-name true
    # Behind Apache the path of http://$SERVICE_HOST/identity is /, not empty. A site of the script's own may
    # forward without /identity; then uWSGI leaves out SCRIPT_NAME, which applications expect.
    # shellcheck disable=SC2016 # uWSGI expands it
    iniset "$1" uwsgi route-if 'empty:${PATH_INFO} setpathinfo:/'
    # shellcheck disable=SC2016
    iniadd_literal "$1" uwsgi route-if 'empty:${SCRIPT_NAME} addvar:SCRIPT_NAME='
}

# _reachable URL: print the URL; if Apache would have served it at a path, print the address of the service
# that has recorded that path
_reachable() {
    local file line path=${1#*://}
    local noted='^ProxyPass "(/[^"]+)" "([^"]+)"'
    [[ $1 =~ ^https?://(\[[^]]*\]|[^/:]+)(:80|:443)?/ ]] || { echo "$1"; return; }
    path=/${path#*/}
    for file in "$APACHE_CONF_DIR"/../sites-enabled/*.conf; do
        read -r line 2> /dev/null < "$file" || continue
        [[ $line =~ $noted ]] || continue
        [[ $path/ != "${BASH_REMATCH[1]}"/* ]] || { echo "${BASH_REMATCH[2]}${path#"${BASH_REMATCH[1]}"}"; return; }
    done
    echo "$1"
}

# write_local_uwsgi_http_config CONF WSGI URL [NAME]: as write_uwsgi_config, for large bodies
write_local_uwsgi_http_config() {
    local conf=$1 wsgi=$2 url=$3 name=${4-}
    write_uwsgi_config "$conf" "$wsgi" "$url" "" "$name"
    iniset "$conf" uwsgi chunked-input-limit 1000000000
    iniset "$conf" uwsgi http-chunked-input true
    iniset "$conf" uwsgi http-auto-chunked true
    iniset "$conf" uwsgi http-raw-body true
}

# write_local_proxy_http_config NAME URL PATH
write_local_proxy_http_config() {
    _note_site "$1" "$3" "${2#*://}"
}

# _note_site NAME PATH ADDRESS
_note_site() {
    printf 'ProxyPass "%s" "http://%s" retry=0 acquire=1\n' "$2" "$3" > "$(apache_site_config_for "$1")"
    enable_apache_site "$1"
    start_apache_server
}

# remove_uwsgi_config CONF WSGI_OR_NAME
remove_uwsgi_config() {
    local name=${2##*/}
    rm -f "$1" "${1%.*}.wsgi" "$(apache_site_config_for "$name")"
    disable_apache_site "$name"
}
