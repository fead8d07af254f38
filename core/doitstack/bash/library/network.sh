# shellcheck shell=bash
# Addresses and networks.

# ipv6_unquote ADDRESS: print it without the brackets of a URL
ipv6_unquote() {
    local -
    set +x
    local address=${1-}
    address=${address//[/}
    echo "${address//]/}"
}

# ipv6_quote ADDRESS: print it as in a URL, once in brackets
ipv6_quote() {
    local -
    set +x
    local address
    address=$(ipv6_unquote "$1")
    [[ $address == *:* ]] && echo "[$address]" || echo "$address"
}

is_ipv4_address() {
    [[ $1 =~ ([0-9]{1,3}\.){3}[0-9]{1,3} ]]
}

# cidr2netmask BITS
cidr2netmask() {
    local -i mask=$((0xffffffff << (32 - $1) & 0xffffffff))
    _dotted "$mask"
}

# maskip ADDRESS NETMASK: print the network of the address
maskip() {
    local -i address mask
    _number address "$1"
    _number mask "$2"
    _dotted "$((address & mask))"
}

_dotted() {
    echo "$(($1 >> 24 & 255)).$(($1 >> 16 & 255)).$(($1 >> 8 & 255)).$(($1 & 255))"
}

# _number NAME ADDRESS: set variable NAME to the dotted address as a number
_number() {
    local -a part
    IFS=. read -r -a part <<< "$2"
    printf -v "$1" '%d' "$((part[0] << 24 | part[1] << 16 | part[2] << 8 | part[3]))"
}

# address_in_net ADDRESS NETWORK/BITS
address_in_net() {
    local -
    set +x
    local -i address network mask
    _number address "$1"
    _number network "${2%/*}"
    mask=$((0xffffffff << (32 - ${2#*/}) & 0xffffffff))
    (((address & mask) == (network & mask)))
}

# get_default_host_ip FIXED_RANGE FLOATING_RANGE INTERFACE HOST_IP FAMILY: print the first
# address of the default route's interface that is in neither range
get_default_host_ip() {
    local -
    set +x
    local interface=${3-} host_ip=${4-} family=${5:-inet} word address rest
    if [[ $host_ip && $host_ip != dhcp ]]; then
        echo "$host_ip"
        return
    fi
    if [[ ! $interface ]]; then
        read -r word rest < <(ip -f "$family" route show default)
        interface=${rest##*dev }
        interface=${interface%% *}
    fi
    while read -r word address rest; do
        [[ $word == "$family" && $rest != *temporary* ]] || continue
        address=${address%/*}
        if [[ $family == inet6 ]] ||
            ! { address_in_net "$address" "$1" || address_in_net "$address" "$2"; }; then
            echo "$address"
            return
        fi
    done < <(LC_ALL=C ip -f "$family" addr show dev "$interface")
    echo
}

# get_random_port: print a free port
get_random_port() {
    local -
    set +x
    local -i port
    for ((port = 10000 + RANDOM % 20000; port < 32000; port++)); do
        if ! (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; then
            echo "$port"
            return
        fi
    done
    return 1
}

# export_proxy_variables: export the HTTP proxies of local.conf to every program
export_proxy_variables() {
    local name
    for name in http_proxy https_proxy no_proxy; do
        [[ ! -v $name ]] || export "${name?}"
    done
}

# curl_get OPTION...
curl_get() {
    curl -g -k --noproxy '*' -s -o /dev/null -w '%{http_code}' "$@"
}

# wait_for_service SECONDS URL [CURL_OPTION...]: wait until the URL answers (503 does not count), or a
# service of the stack dies
wait_for_service() {
    local -
    set +x
    local -i until=$((SECONDS + $1))
    local code url
    url=$(_reachable "$2")
    time_start wait_for_service
    while ((SECONDS < until)); do
        code=$(curl_get "$url" "${@:3}") || :
        if [[ $code && $code != 000 && $code != 503 ]]; then
            time_stop wait_for_service
            return 0
        fi
        if [[ ${_doitstack_session-} ]] && ! doitstack_request check_deaths; then
            time_stop wait_for_service
            return 1
        fi
        sleep 0.2
    done
    time_stop wait_for_service
    echo "wait_for_service: $url did not answer within $1 seconds" >&2
    return 124
}

# test_with_retry COMMAND MESSAGE [SECONDS [PAUSE]]
test_with_retry() {
    local -
    set +x
    time_start test_with_retry
    # shellcheck disable=SC2016  # sh expands them
    if ! timeout "${3:-10}" sh -c "while ! $1; do sleep ${4:-0.5}; done"; then
        die "$LINENO" "${2-}"
    fi
    time_stop test_with_retry
}
