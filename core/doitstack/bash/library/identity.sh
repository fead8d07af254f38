# shellcheck shell=bash
# Accounts, roles and the catalog of Keystone. Each function prints an id.

# _identity VERB ARG...
_identity() {
    local -
    set +x
    doitstack_request "$@"
}

# get_or_create_domain NAME [DESCRIPTION]
get_or_create_domain() {
    _identity get_or_create_domain "$@"
}

# get_or_create_group NAME DOMAIN [DESCRIPTION]
get_or_create_group() {
    _identity get_or_create_group "$@"
}

# get_or_create_user NAME PASSWORD DOMAIN [EMAIL]
get_or_create_user() {
    _identity get_or_create_user "$@"
}

# get_or_create_project NAME [DOMAIN]
get_or_create_project() {
    _identity get_or_create_project "$@"
}

# get_or_create_role NAME
get_or_create_role() {
    _identity get_or_create_role "$@"
}

# get_or_add_user_project_role ROLE USER PROJECT [USER_DOMAIN PROJECT_DOMAIN]
get_or_add_user_project_role() {
    _identity get_or_add_user_project_role "$@"
}

# get_or_add_user_domain_role ROLE USER DOMAIN
get_or_add_user_domain_role() {
    _identity get_or_add_user_domain_role "$@"
}

# get_or_add_user_system_role ROLE USER SYSTEM [USER_DOMAIN]
get_or_add_user_system_role() {
    _identity get_or_add_user_system_role "$@"
}

# get_or_add_group_project_role ROLE GROUP PROJECT
get_or_add_group_project_role() {
    _identity get_or_add_group_project_role "$@"
}

# get_or_create_service NAME TYPE DESCRIPTION
get_or_create_service() {
    _identity get_or_create_service "$@"
}

# get_or_create_endpoint SERVICE REGION PUBLIC_URL [ADMIN_URL [INTERNAL_URL]]
get_or_create_endpoint() {
    local -
    set +x
    local url
    local -a urls=()
    for url in "${@:3}"; do
        urls+=("$(_reachable "$url")")
    done
    doitstack_request get_or_create_endpoint "$1" "$2" "${urls[@]}"
}

# get_endpoint_url SERVICE INTERFACE
get_endpoint_url() {
    _identity get_endpoint_url "$@"
}

# create_service_user NAME [ROLE]
create_service_user() {
    get_or_create_user "$1" "$SERVICE_PASSWORD" "$SERVICE_DOMAIN_NAME"
    get_or_add_user_project_role service "$1" "$SERVICE_PROJECT_NAME" "$SERVICE_DOMAIN_NAME" "$SERVICE_DOMAIN_NAME"
    if [[ ${2-} ]]; then
        get_or_add_user_project_role "$2" "$1" "$SERVICE_PROJECT_NAME" "$SERVICE_DOMAIN_NAME" "$SERVICE_DOMAIN_NAME"
    fi
}

# configure_keystoneauth FILE USER SECTION: how a service authenticates at others
configure_keystoneauth() {
    local file=$1 section=$3
    iniset "$file" "$section" auth_type password
    iniset "$file" "$section" interface public
    iniset "$file" "$section" auth_url "$KEYSTONE_SERVICE_URI"
    iniset "$file" "$section" username "$2"
    iniset "$file" "$section" password "$SERVICE_PASSWORD"
    iniset "$file" "$section" user_domain_name "$SERVICE_DOMAIN_NAME"
    iniset "$file" "$section" project_name "$SERVICE_PROJECT_NAME"
    iniset "$file" "$section" project_domain_name "$SERVICE_DOMAIN_NAME"
    [[ ! -s ${SSL_BUNDLE_FILE-} ]] || iniset "$file" "$section" cafile "$SSL_BUNDLE_FILE"
}

# configure_keystone_authtoken_middleware FILE USER [SECTION [SERVICE_TYPE]]
configure_keystone_authtoken_middleware() {
    local file=$1 section=${3:-keystone_authtoken}
    configure_keystoneauth "$file" "$2" "$section"
    if [[ ${MEMCACHE_SERVERS-} ]]; then
        iniset "$file" "$section" memcached_servers "$MEMCACHE_SERVERS"
    fi
    [[ ! ${4-} ]] || iniset "$file" "$section" service_type "$4"
}

# configure_auth_token_middleware FILE USER SIGNING_DIR [SECTION]
configure_auth_token_middleware() {
    warn "$LINENO" "configure_auth_token_middleware is deprecated, use configure_keystone_authtoken_middleware"
    configure_keystone_authtoken_middleware "$1" "$2" "${4-}"
}

# is_keystone_enabled
is_keystone_enabled() {
    [[ ,${DISABLED_SERVICES-} != *,keystone* && ,${ENABLED_SERVICES-}, == *,key,* ]]
}
