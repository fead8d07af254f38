# shellcheck shell=bash
# Start and stop in-tree services, as configured by their plugins. `start_NAME` starts what ran before.

start_keystone() {
    start_service devstack@keystone
    wait_for_service "$SERVICE_TIMEOUT" "$KEYSTONE_SERVICE_URI/v3/" || die "$LINENO" "keystone did not start"
}

stop_keystone() {
    stop_service devstack@keystone
}

start_glance() {
    start_service devstack@g-api
}

stop_glance() {
    stop_service devstack@g-api
}

start_placement() {
    start_service devstack@placement-api
}

stop_placement() {
    stop_service devstack@placement-api
}

start_nova() {
    start_nova_conductor
    start_nova_rest
    start_nova_compute
}

stop_nova() {
    stop_nova_compute
    stop_nova_rest
    stop_nova_conductor
}

start_nova_api() {
    _each_service start n-api
}

start_nova_rest() {
    _each_service start n-api n-sch n-api-meta
}

stop_nova_rest() {
    _each_service stop n-api n-sch n-api-meta
}

start_nova_conductor() {
    _each_service start n-cond
}

stop_nova_conductor() {
    _each_service stop n-cond
}

start_nova_compute() {
    _each_service start n-cpu
}

stop_nova_compute() {
    _each_service stop n-cpu
}

# conductor_conf CELL: print the configuration file of its conductor
conductor_conf() {
    echo "$NOVA_CONF_DIR/nova_cell$1.conf"
}

start_neutron_service_and_check() {
    start_service devstack@neutron-api
    wait_for_service "$SERVICE_TIMEOUT" "$NEUTRON_SERVICE_URI" || die "$LINENO" "Neutron did not start"
}

# The agent of OVN is started by its plugin; there are no others.
start_neutron() {
    start_neutron_service_and_check
}

start_neutron_agents() {
    :
}

stop_neutron() {
    stop_service devstack@neutron-api
}

# OVN's plugin makes its databases, and removes them if they are not Neutron's of now.
init_ovn() {
    :
}

# start_ovn: return when OVN runs, which its plugin has started in the background. Its agent comes in extra.
start_ovn() {
    ! is_service_enabled ovn-controller ovn-northd || async_wait start_ovn
}

start_cinder() {
    _each_service start c-api c-sch c-vol
}

stop_cinder() {
    _each_service stop c-api c-sch c-vol
}

start_swift() {
    _each_service start s-object s-container s-account s-proxy
}

stop_swift() {
    _each_service stop s-proxy s-object s-container s-account
}

start_horizon() {
    start_service devstack@horizon
}

stop_horizon() {
    stop_service devstack@horizon
}

# _each_service VERB NAME...: those that are enabled
_each_service() {
    local name
    for name in "${@:2}"; do
        ! is_service_enabled "$name" || "${1}_service" "devstack@$name"
    done
}
