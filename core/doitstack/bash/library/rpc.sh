# shellcheck shell=bash
# The message queue, RabbitMQ.

_has_rabbit() {
    is_service_enabled rabbit || [[ ${RABBIT_HOST-} && ${RABBIT_PASSWORD-} ]]
}

# _rabbitmqctl ARG...: control the stack's broker, or else the machine's
_rabbitmqctl() {
    local root=${DATA_DIR-}/rabbit
    if [[ -r $root/rabbitmq.conf ]]; then
        (cd "$root" && HOME=$root/home ERL_EPMD_PORT=$RABBIT_EPMD_PORT RABBITMQ_NODENAME=stack@localhost \
            RABBITMQ_CONF_ENV_FILE=/dev/null "${RABBITMQCTL:-/usr/lib/rabbitmq/bin/rabbitmqctl}" "$@")
    else
        sudo rabbitmqctl "$@"
    fi
}

# get_transport_url [VIRTUAL_HOST]: RABBIT_PORT is only for the stack's broker; others use AMQP's port
get_transport_url() {
    local -
    set +x
    local address
    address=$(ipv6_quote "${RABBIT_HOST:-$SERVICE_HOST}"):${RABBIT_PORT:-5672}
    ! _has_rabbit || echo "rabbit://$RABBIT_USERID:${RABBIT_PASSWORD-}@$address/${1-}"
}

# get_notification_url [VIRTUAL_HOST]
get_notification_url() {
    get_transport_url "${1-}"
}

# iniset_rpc_backend PACKAGE FILE [SECTION [VIRTUAL_HOST]]
iniset_rpc_backend() {
    local file=$2
    _has_rabbit || return 0
    iniset "$file" "${3:-DEFAULT}" transport_url "$(get_transport_url "${4-}")"
    if [[ ${RABBIT_HEARTBEAT_TIMEOUT_THRESHOLD-} ]]; then
        iniset "$file" oslo_messaging_rabbit heartbeat_timeout_threshold "$RABBIT_HEARTBEAT_TIMEOUT_THRESHOLD"
    fi
    if [[ ${RABBIT_HEARTBEAT_RATE-} ]]; then
        iniset "$file" oslo_messaging_rabbit heartbeat_rate "$RABBIT_HEARTBEAT_RATE"
    fi
}

# rpc_backend_add_vhost VIRTUAL_HOST
rpc_backend_add_vhost() {
    if ! is_service_enabled rabbit; then
        echo 'RPC backend does not support vhosts'
        return 1
    fi
    if ! _rabbitmqctl list_vhosts | grep -qxF -- "$1"; then
        _rabbitmqctl add_vhost "$1"
        _rabbitmqctl set_permissions -p "$1" "$RABBIT_USERID" ".*" ".*" ".*"
    fi
}

# rabbit_setuser USER PASSWORD
rabbit_setuser() {
    if _rabbitmqctl list_users | grep -q "^$1[[:space:]]"; then
        _rabbitmqctl change_password "$1" "$2"
    else
        _rabbitmqctl add_user "$1" "$2"
    fi
    _rabbitmqctl set_permissions "$1" ".*" ".*" ".*"
}

# install_rpc_backend, restart_rpc_backend, cleanup_rpc_backend
install_rpc_backend() {
    ! is_service_enabled rabbit || install_package rabbitmq-server
}

restart_rpc_backend() {
    is_service_enabled rabbit || return 0
    echo_summary "Starting RabbitMQ"
    restart_service rabbitmq-server
    rabbit_setuser "$RABBIT_USERID" "$RABBIT_PASSWORD"
}

cleanup_rpc_backend() {
    ! is_service_enabled rabbit || uninstall_package rabbitmq-server
}
