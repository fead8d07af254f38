# shellcheck shell=bash
# DevStack's defaults of the variables that plugins read. Variables that are set are not changed.

# _default NAME VALUE
_default() {
    if [[ ! -v $1 ]]; then
        printf -v "$1" '%s' "$2"
    fi
}

# _set_defaults: the defaults of stackrc
_set_defaults() {
    # A login sets it; a container may not. A prompt names the user; `id` would be a process.
    local prompt='\u'
    export USER="${USER:-${prompt@P}}"
    _default STACK_USER "$USER"
    _default GIT_BASE https://opendev.org
    _default TARGET_BRANCH master
    _default OFFLINE False
    _default RECLONE False
    _default ERROR_ON_CLONE False
    _default HOST_IP 127.0.0.1
    _default HOST_IPV6 ::1
    _default SERVICE_IP_VERSION 4
    [[ $SERVICE_IP_VERSION != 6 ]] || _default SERVICE_HOST "[${HOST_IPV6//[][]/}]"
    _default SERVICE_HOST "$HOST_IP"
    _default SERVICE_PROTOCOL http
    _default SERVICE_TIMEOUT 600
    _default REGION_NAME RegionOne
    _default ENABLE_DEBUG_LOG_LEVEL True
    _default SYSLOG False
    _default LOG_COLOR True
    _default API_WORKERS 2
    _default WORKER_TIMEOUT 80
    _default VIRT_DRIVER fake
    _default CIRROS_VERSION 0.6.3
    _default CIRROS_ARCH "${HOSTTYPE:-x86_64}"
    _default ETCD_PORT 2379
    _default USE_VENV False
    _default GLOBAL_VENV True
    _default LIBS_FROM_GIT ''
    _default RABBIT_USERID stackrabbit
    _default DATABASE_USER root
    : "${IPV4_ADDRS_SAFE_TO_USE=10.0.0.0/22}"
    _default FIXED_RANGE "$IPV4_ADDRS_SAFE_TO_USE"
    _default FLOATING_RANGE 172.24.4.0/24
    _default IMAGE_URLS ''
    _set_constants
    _set_stack_group
    # Services listen on this address alone.
    _default SERVICE_LISTEN_ADDRESS "$SERVICE_HOST"
    _default SERVICE_LOCAL_HOST "${SERVICE_HOST//[][]/}"
    _default TUNNEL_ENDPOINT_IP "$HOST_IP"
    _default WSGI_MODE uwsgi
    _default BRANCHLESS_TARGET_BRANCH master
    _default SERVICE_GRACEFUL_SHUTDOWN_TIMEOUT 5
    _default CURL_GET 'curl -g'
    case ,${ENABLED_SERVICES-}, in
        *,mysql,*) _default DATABASE_TYPE mysql ;;
        *,postgresql,*) _default DATABASE_TYPE postgresql ;;
    esac
    [[ ! ${DEST-} ]] || _set_paths
}

# What DevStack sets and nothing here reads: plugins compare it, or build on it.
_set_constants() {
    : "${BUILD_TIMEOUT=196}" "${CONFIG_AWK_CMD=awk}" "${DEVSTACK_SERIES=2026.2}" "${ENFORCE_NEW_DEFAULTS=True}" \
        "${LIBVIRT_GROUP=libvirt}" "${NOVA_BRANCH=$TARGET_BRANCH}" "${NOVNC_BRANCH=v1.3.0}" \
        "${NOVNC_REPO=https://github.com/novnc/novnc.git}" "${S3_SERVICE_PORT=3333}" \
        "${IRONIC_PYTHON_AGENT_REPO=$GIT_BASE/openstack/ironic-python-agent.git}" \
        "${IRONIC_PYTHON_AGENT_BRANCH=$TARGET_BRANCH}" "${VOLUME_BACKING_FILE_SIZE=30G}"
    # Keystone and the like are not behind Apache.
    : "${ENABLE_HTTPD_MOD_WSGI_SERVICES=False}"
}

# The group of STACK_USER; `id` would be a process.
_set_stack_group() {
    local name id
    [[ ! -v STACK_GROUP ]] || return 0
    STACK_GROUP=${GROUPS[0]}
    [[ -r /etc/group ]] || return 0
    while IFS=: read -r name _ id _; do
        [[ $id != "${GROUPS[0]}" ]] || { STACK_GROUP=$name; break; }
    done < /etc/group
}

_set_paths() {
    _default DATA_DIR "$DEST/data"
    _default LOGDIR "$DEST/logs"
    # Earlier versions had them in the stack directory.
    [[ ! ${TOP_DIR-} || ! -d $TOP_DIR/files ]] || _default FILES "$TOP_DIR/files"
    _default FILES "$DEST/files"
    _default RC_DIR "${TOP_DIR:-$DEST}"
    _default STACK_VENV "$DEST/venvs/stack"
    # DevStack's name for the environment of GLOBAL_VENV
    _default DEVSTACK_VENV "$STACK_VENV"
    _default PYTHON "$STACK_VENV/bin/python"
    _default REQUIREMENTS_DIR "$DEST/requirements"
    _default SSL_BUNDLE_FILE "$DATA_DIR/ca-bundle.pem"
    _default ROOT_CA_DIR "$DATA_DIR/CA/root-ca"
    _default INT_CA_DIR "$DATA_DIR/CA/int-ca"
    _default DEVSTACK_CERT "$DATA_DIR/devstack-cert.pem"
    _default LIBDIR "${TOP_DIR:-$DEST}/lib"
    _default SERVICE_DIR "$DATA_DIR/status"
    _default APACHE_LOG_DIR "$LOGDIR"
    _set_path
}

# A run calls this again after it has set the user's PATH.
_set_path() {
    [[ :$PATH: == *":$STACK_VENV/bin:"* ]] || PATH=$STACK_VENV/bin:$PATH
    # Warm programs come before the programs that they replace.
    [[ $PATH == "$DEST/bin:"* ]] || PATH=$DEST/bin:$PATH
}

# _set_project_defaults: the defaults of DevStack's projects, which are set after override_defaults
_set_project_defaults() {
    _default SERVICE_PROJECT_NAME service
    _default SERVICE_TENANT_NAME "$SERVICE_PROJECT_NAME"
    _default SERVICE_DOMAIN_NAME Default
    _default ADMIN_TENANT_NAME admin
    _default KEYSTONE_SERVICE_HOST "$SERVICE_HOST"
    _default KEYSTONE_SERVICE_PROTOCOL "$SERVICE_PROTOCOL"
    _default KEYSTONE_SERVICE_URI "$KEYSTONE_SERVICE_PROTOCOL://$KEYSTONE_SERVICE_HOST:${KEYSTONE_SERVICE_PORT:-5000}"
    _default KEYSTONE_SERVICE_URI_V3 "$KEYSTONE_SERVICE_URI/v3"
    _default KEYSTONE_AUTH_URI "$KEYSTONE_SERVICE_URI"
    _default KEYSTONE_AUTH_URI_V3 "$KEYSTONE_AUTH_URI/v3"
    _default PUBLIC_NETWORK_GATEWAY ''
    _default PUBLIC_PHYSICAL_NETWORK public
    _default PHYSICAL_NETWORK public
    _default PUBLIC_BRIDGE br-ex
    _default OVS_BRIDGE br-int
    _default Q_PLUGIN ml2
    _default Q_ROUTER_NAME router1
    _default Q_L3_ENABLED True
    _default Q_PLUGIN_CLASS ml2
    _set_network_defaults
    _default Q_ADMIN_USERNAME neutron
    _default Q_META_DATA_IP "$SERVICE_HOST"
    _default CINDER_ENABLED_BACKENDS fake:fake
    _default CINDER_DRIVER default
    _default CINDER_IMG_CACHE_ENABLED False
    _default CINDER_CACHE_ENABLED_FOR_BACKENDS ''
    _default CINDER_IMG_CACHE_SIZE_GB ''
    _default CINDER_IMG_CACHE_SIZE_COUNT ''
    _default GLANCE_DEFAULT_BACKEND file
    _default GLANCE_ENABLE_MULTIPLE_STORES False
    _default SWIFT_REPLICAS_SEQ 1
    _default SWIFT_ENABLE_TEMPURLS False
    _default SWIFT_DEFAULT_BIND_PORT "${SWIFT_SERVICE_PORT:-8080}"
    [[ ${MEMCACHE_SERVERS-} ]] || _default CACHE_BACKEND dogpile.cache.memory
    _default CACHE_BACKEND oslo_cache.memcache_pool
    # Not before override_defaults: the plugins of the servers have defaults of their own.
    _default RABBIT_HOST ''
    _default MEMCACHE_SERVERS ''
    # The image that Tempest gets; that for guests has another name.
    _default DEFAULT_IMAGE_NAME tempest
    _default DATABASE_HOST 127.0.0.1
    _default MYSQL_HOST "$DATABASE_HOST"
    _default MYSQL_USER "$DATABASE_USER"
    _default Q_PROTOCOL "$SERVICE_PROTOCOL"
    _default NOVA_SERVICE_PROTOCOL "$SERVICE_PROTOCOL"
    _default GLANCE_SERVICE_PROTOCOL "$SERVICE_PROTOCOL"
    _default SWIFT_SERVICE_PROTOCOL "$SERVICE_PROTOCOL"
    [[ ! ${DEST-} ]] || _set_project_paths
}

# Neutron has a mechanism driver of its own, which wires nothing: no agents, no bridges, no tunnels. Its first
# networks are IPv4.
_set_network_defaults() {
    : "${Q_AGENT=unwired}" "${NEUTRON_AGENT=$Q_AGENT}" "${Q_ML2_PLUGIN_MECHANISM_DRIVERS=unwired}" \
        "${Q_ML2_PLUGIN_EXT_DRIVERS=port_security}" "${Q_ML2_PLUGIN_TYPE_DRIVERS=local,flat,vlan}" \
        "${Q_ML2_TENANT_NETWORK_TYPE=local}" "${Q_ML2_PLUGIN_GENEVE_TYPE_OPTIONS=}" \
        "${ML2_L3_PLUGIN=router}" "${Q_SERVICE_PLUGIN_CLASSES=$ML2_L3_PLUGIN,segments}" \
        "${ENABLE_TENANT_VLANS=False}" "${OVS_ENABLE_TUNNELING=False}" "${IP_VERSION=4}" "${USE_SUBNETPOOL=False}"
    : "${NEUTRON_CREATE_INITIAL_NETWORKS=True}" "${Q_USE_PROVIDERNET_FOR_PUBLIC=True}" \
        "${NETWORK_GATEWAY=}" "${PUBLIC_INTERFACE=}" "${PUBLIC_BRIDGE_MTU=1500}" \
        "${IPV6_ADDRS_SAFE_TO_USE=fd00:0000:0001::/56}" "${FIXED_RANGE_V6=fd00:0000:0001::/64}" \
        "${IPV6_PUBLIC_RANGE=2001:db8::/64}" "${IPV6_PUBLIC_NETWORK_GATEWAY=2001:db8::2}" \
        "${IPV6_ROUTER_GW_IP=2001:db8::1}" "${IPV6_PRIVATE_NETWORK_GATEWAY=}" "${IPV6_RA_MODE=slaac}" \
        "${IPV6_ADDRESS_MODE=slaac}" "${IPV6_PRIVATE_SUBNET_NAME=ipv6-private-subnet}" \
        "${IPV6_PUBLIC_SUBNET_NAME=ipv6-public-subnet}" \
        "${SUBNETPOOL_NAME_V4=shared-default-subnetpool-v4}" "${SUBNETPOOL_NAME_V6=shared-default-subnetpool-v6}" \
        "${SUBNETPOOL_PREFIX_V4=$IPV4_ADDRS_SAFE_TO_USE}" "${SUBNETPOOL_PREFIX_V6=$IPV6_ADDRS_SAFE_TO_USE}" \
        "${SUBNETPOOL_SIZE_V4=26}" "${SUBNETPOOL_SIZE_V6=64}"
    : "${Q_DB_NAME=neutron}" "${Q_L3_ROUTER_PER_TENANT=True}" "${Q_USE_SECGROUP=True}" \
        "${Q_NOTIFY_NOVA_PORT_STATUS_CHANGES=True}" "${Q_NOTIFY_NOVA_PORT_DATA_CHANGES=True}" \
        "${Q_USE_ROOTWRAP=True}" "${Q_USE_ROOTWRAP_DAEMON=True}"
    # Of agents that a plugin may bring.
    : "${Q_BUILD_OVS_FROM_GIT=False}" "${Q_OVS_USE_VETH=False}" "${Q_USE_PUBLIC_VETH=False}" \
        "${Q_PUBLIC_VETH_EX=veth-pub-ex}" "${Q_PUBLIC_VETH_INT=veth-pub-int}" \
        "${OVS_PHYSICAL_BRIDGE=br-ex}" "${OVS_TUNNEL_BRIDGE=br-tun}" "${OVS_DATAPATH_TYPE=system}" \
        "${OVS_REPO=https://github.com/openvswitch/ovs.git}" "${OVS_BRANCH=branch-3.3}" \
        "${OVN_REPO=https://github.com/ovn-org/ovn.git}" "${OVN_BRANCH=branch-24.03}" "${OVN_PROTO=tcp}" \
        "${OVN_NB_REMOTE=$OVN_PROTO:$SERVICE_HOST:6641}" "${OVN_SB_REMOTE=$OVN_PROTO:$SERVICE_HOST:6642}" \
        "${OVN_DBS_LOG_LEVEL=info}" "${OVN_DNS_SERVERS=8.8.8.8}" "${OVN_GENEVE_OVERHEAD=38}" \
        "${OVN_L3_SCHEDULER=leastloaded}" "${OVN_NEUTRON_SYNC_MODE=log}" "${ENABLE_CHASSIS_AS_GW=True}"
}

_set_project_paths() {
    local project
    for project in KEYSTONE NOVA NEUTRON CINDER GLANCE PLACEMENT HEAT; do
        _default "${project}_DIR" "$DEST/${project,,}"
        _default "${project}_CONF_DIR" "$DEST/etc/${project,,}"
        _set_conf "$project" "${project}_CONF_DIR"
    done
    _set_service_paths
    _default GLANCE_API_CONF "$GLANCE_CONF_DIR/glance-api.conf"
    _default GLANCE_CACHE_CONF "$GLANCE_CONF_DIR/glance-cache.conf"
    _default GLANCE_IMAGE_IMPORT_CONF "$GLANCE_CONF_DIR/glance-image-import.conf"
    _default GLANCE_SWIFT_STORE_CONF "$GLANCE_CONF_DIR/glance-swift-store.conf"
    _default NOVA_COND_CONF "$NOVA_CONF"
    _default NOVA_CPU_CONF "$NOVA_CONF_DIR/nova-cpu.conf"
    _default NEUTRON_BIN_DIR "$STACK_VENV/bin"
    _default NEUTRON_CORE_PLUGIN_CONF "$NEUTRON_CONF_DIR/plugins/ml2/ml2_conf.ini"
    _default Q_PLUGIN_CONF_FILE "${NEUTRON_CORE_PLUGIN_CONF#/}"
    _default Q_DHCP_CONF_FILE "$NEUTRON_CONF_DIR/dhcp_agent.ini"
    _default NEUTRON_DHCP_CONF "$Q_DHCP_CONF_FILE"
    _default Q_L3_CONF_FILE "$NEUTRON_CONF_DIR/l3_agent.ini"
    _default NEUTRON_L3_CONF "$Q_L3_CONF_FILE"
    _default Q_META_CONF_FILE "$NEUTRON_CONF_DIR/metadata_agent.ini"
    _default NEUTRON_META_CONF "$Q_META_CONF_FILE"
    _default OVN_META_CONF "$NEUTRON_CONF_DIR/neutron_ovn_metadata_agent.ini"
    _default NEUTRON_TEST_CONFIG_FILE "$NEUTRON_CONF_DIR/debug.ini"
    _default SWIFT_CONF_DIR "$DEST/etc/swift"
    _default SWIFT_CONFIG_PROXY_SERVER "$SWIFT_CONF_DIR/proxy-server.conf"
    _default TEMPEST_DIR "$DEST/tempest"
    _default TEMPEST_CONFIG_DIR "$DATA_DIR/tempest/etc"
    _default TEMPEST_CONFIG "$TEMPEST_CONFIG_DIR/tempest.conf"
    _default HORIZON_DIR "$DEST/horizon"
}

_set_service_paths() {
    local project
    for project in NOVA CINDER GLANCE PLACEMENT; do
        _default "${project}_BIN_DIR" "$DEST/venvs/${project,,}/bin"
    done
    _default CINDER_STATE_PATH "$DATA_DIR/cinder"
    _default NOVA_STATE_PATH "$DATA_DIR/nova"
    _default NOVA_INSTANCES_PATH "$NOVA_STATE_PATH/instances"
    _default GLANCE_IMAGE_DIR "$DATA_DIR/glance/images"
    _default NEUTRON_ROOTWRAP "$DEST/venvs/neutron/bin/neutron-rootwrap"
    _default AGENT_L3_BINARY "$DEST/venvs/neutron/bin/neutron-l3-agent"
    _default Q_RR_CONF_FILE "$NEUTRON_CONF_DIR/rootwrap.conf"
    _default Q_RR_COMMAND "sudo $NEUTRON_ROOTWRAP $Q_RR_CONF_FILE"
    _default Q_RR_DAEMON_COMMAND "sudo $NEUTRON_ROOTWRAP-daemon $Q_RR_CONF_FILE"
    # The files that the services read
    _default CINDER_API_PASTE_INI "$DEST/venvs/cinder/etc/cinder/api-paste.ini"
    _default NOVA_API_PASTE_INI "$DEST/venvs/nova/etc/nova/api-paste.ini"
    # Nothing reads these: services get their options of uWSGI as arguments.
    _default KEYSTONE_PUBLIC_UWSGI_CONF "$KEYSTONE_CONF_DIR/keystone-uwsgi-public.ini"
    _default GLANCE_UWSGI_CONF "$GLANCE_CONF_DIR/glance-uwsgi.ini"
    _default PLACEMENT_UWSGI_CONF "$PLACEMENT_CONF_DIR/placement-uwsgi.ini"
    _default NEUTRON_UWSGI_CONF "$NEUTRON_CONF_DIR/neutron-api-uwsgi.ini"
    _default NOVA_UWSGI_CONF "$NOVA_CONF_DIR/nova-api-uwsgi.ini"
    _default NOVA_METADATA_UWSGI_CONF "$NOVA_CONF_DIR/nova-metadata-uwsgi.ini"
    _default CINDER_UWSGI_CONF "$CINDER_CONF_DIR/cinder-api-uwsgi.ini"
}

_set_conf() {
    _default "$1_CONF" "${!2}/${1,,}.conf"
}

_set_defaults
# In a session, override_defaults runs first.
[[ ${_doitstack_messages-} ]] || _set_project_defaults
