# shellcheck shell=bash
# Certificates of our own certificate authority.

OPENSSL=${OPENSSL:-openssl}
ORG_NAME=${ORG_NAME:-OpenStack}
ORG_UNIT_NAME=${ORG_UNIT_NAME:-DevStack}
DEVSTACK_CERT_NAME=${DEVSTACK_CERT_NAME:-devstack-cert}

# is_ssl_enabled_service SERVICE...
is_ssl_enabled_service() {
    local service
    [[ ${USE_SSL:-False} != False ]] || return 1
    # shellcheck disable=SC2048
    for service in $*; do
        [[ ,${SSL_ENABLED_SERVICES-}, != *",$service,"* ]] || return 0
    done
    return 1
}

is_tls_enabled() {
    is_service_enabled tls-proxy
}

# _ca_directory DIRECTORY NAME: create an empty authority there
_ca_directory() {
    [[ ! -d $1 ]] || return 0
    mkdir -p "$1/certs" "$1/crl" "$1/newcerts"
    mkdir -m 0710 "$1/private"
    echo 01 > "$1/serial"
    : > "$1/index.txt"
    _ca_config "$1" "$2" > "$1/ca.conf"
}

_ca_config() {
    cat << E_CONFIG
[ca]
default_ca = default

[default]
dir = $1
database = \$dir/index.txt
serial = \$dir/serial
certs = \$dir/certs
new_certs_dir = \$dir/newcerts
certificate = \$dir/cacert.pem
private_key = \$dir/private/cacert.key
default_md = sha256
unique_subject = no
copy_extensions = copy
policy = policy

[policy]
organizationName = match
organizationalUnitName = optional
commonName = supplied

[req]
default_bits = 2048
default_md = sha256
prompt = no
distinguished_name = name
x509_extensions = authority

[name]
organizationName = $ORG_NAME
organizationalUnitName = $ORG_UNIT_NAME Certificate Authority
commonName = $2

[authority]
basicConstraints = critical,CA:true
subjectKeyIdentifier = hash
keyUsage = cRLSign,keyCertSign

[server]
basicConstraints = CA:false
subjectKeyIdentifier = hash
keyUsage = digitalSignature,keyEncipherment,keyAgreement
extendedKeyUsage = serverAuth,clientAuth
E_CONFIG
}

# make_root_CA DIRECTORY
make_root_CA() {
    _ca_directory "$1" "Root CA"
    [[ ! -r $1/cacert.pem ]] || return 0
    (umask 077; "$OPENSSL" req -config "$1/ca.conf" -x509 -nodes -newkey rsa:2048 -days 3650 \
        -keyout "$1/private/cacert.key" -out "$1/cacert.pem" 2> /dev/null)
}

# make_int_CA DIRECTORY SIGNING_DIRECTORY
make_int_CA() {
    _ca_directory "$1" "Intermediate CA"
    [[ ! -r $1/cacert.pem ]] || return 0
    (umask 077; "$OPENSSL" req -config "$1/ca.conf" -nodes -newkey rsa:2048 \
        -keyout "$1/private/cacert.key" -out "$1/cacert.csr" 2> /dev/null)
    "$OPENSSL" ca -config "$2/ca.conf" -extensions authority -days 3650 -notext -batch \
        -in "$1/cacert.csr" -out "$1/cacert.pem" 2> /dev/null
}

# make_cert CA_DIRECTORY NAME COMMON_NAME [ALTERNATIVE_NAMES]
make_cert() {
    local names="DNS:$3${4:+,$4}"
    [[ ! -r $1/$2.crt ]] || return 0
    if [[ ${SERVICE_HOST-} && $3 != "$SERVICE_HOST" ]]; then
        if [[ $SERVICE_HOST == *:* ]]; then
            names+=,IP:$(ipv6_unquote "$SERVICE_HOST")
        else
            names+=,DNS:$SERVICE_HOST
            ! is_ipv4_address "$SERVICE_HOST" || names+=,IP:$SERVICE_HOST
        fi
    fi
    (umask 077; "$OPENSSL" req -config "$1/ca.conf" -nodes -newkey rsa:2048 \
        -subj "/O=$ORG_NAME/OU=$ORG_UNIT_NAME Servers/CN=$3" -addext "subjectAltName=$names" \
        -keyout "$1/private/$2.key" -out "$1/$2.csr" 2> /dev/null)
    "$OPENSSL" ca -config "$1/ca.conf" -extensions server -days 365 -notext -batch \
        -in "$1/$2.csr" -out "$1/$2.crt" 2> /dev/null
}

# init_CA: create both authorities, and their chain in SSL_BUNDLE_FILE
init_CA() {
    make_root_CA "$ROOT_CA_DIR"
    make_int_CA "$INT_CA_DIR" "$ROOT_CA_DIR"
    cat "$ROOT_CA_DIR/cacert.pem" "$INT_CA_DIR/cacert.pem" > "$INT_CA_DIR/ca-chain.pem"
    cat "$INT_CA_DIR/ca-chain.pem" >> "$SSL_BUNDLE_FILE"
}

# init_cert: create a certificate of this host in DEVSTACK_CERT
init_cert() {
    [[ ! -r $DEVSTACK_CERT ]] || return 0
    make_cert "$INT_CA_DIR" "$DEVSTACK_CERT_NAME" "${DEVSTACK_HOSTNAME:-$HOSTNAME}" "${TLS_IP:+IP:$TLS_IP}"
    (umask 077; cat "$INT_CA_DIR/private/$DEVSTACK_CERT_NAME.key" "$INT_CA_DIR/$DEVSTACK_CERT_NAME.crt" \
        "$INT_CA_DIR/cacert.pem" > "$DEVSTACK_CERT")
}

# deploy_int_CA FILE, deploy_int_cert CERTIFICATE KEY
deploy_int_CA() {
    sudo cp "$INT_CA_DIR/ca-chain.pem" "$1"
}

deploy_int_cert() {
    sudo cp "$INT_CA_DIR/$DEVSTACK_CERT_NAME.crt" "$1"
    sudo cp "$INT_CA_DIR/private/$DEVSTACK_CERT_NAME.key" "$2"
}

# ensure_certificates SERVICE: set SERVICE_SSL_CERT, _KEY and _CA to the user's files or to ours
ensure_certificates() {
    local cert=$1_SSL_CERT key=$1_SSL_KEY ca=$1_SSL_CA
    if [[ ! ${!cert-} && ! ${!key-} && ! ${!ca-} ]]; then
        printf -v "$cert" '%s' "$INT_CA_DIR/$DEVSTACK_CERT_NAME.crt"
        printf -v "$key" '%s' "$INT_CA_DIR/private/$DEVSTACK_CERT_NAME.key"
        printf -v "$ca" '%s' "$INT_CA_DIR/ca-chain.pem"
    elif [[ ! ${!cert-} || ! ${!key-} || ! ${!ca-} ]]; then
        die "$LINENO" "Missing either the $cert $key or $ca variable to enable SSL for $1"
    else
        cat "${!ca}" >> "$SSL_BUNDLE_FILE"
    fi
}

# start_tls_proxy NAME FRONT_HOST FRONT_PORT BACK_HOST BACK_PORT [HEADER_BYTES]: run a TLS proxy
# in front of a service, with the certificate of this host; FRONT_HOST '*' means all addresses
start_tls_proxy() {
    local -
    set +x
    local command
    if [[ ! -r $DEVSTACK_CERT ]]; then
        init_CA
        init_cert
    fi
    printf -v command '%q ' "${DOITSTACK_PYTHON:-python3}" -m doitstack.services.tls_proxy \
        "$2" "$3" "$4" "$5" "$DEVSTACK_CERT" "${6:-8190}"
    doitstack_request run_process "$1-tls-proxy" "$command"
}

# stop_tls_proxy NAME
stop_tls_proxy() {
    doitstack_request stop_process "$1-tls-proxy"
}
