# shellcheck shell=bash disable=SC1090,SC1091,SC2329
# What stack.sh, unstack.sh and clean.sh have in common. TOP_DIR is DevStack's checkout.

exec {_log}>&1 {BASH_XTRACEFD}> /dev/null

# passed PHASE...: tell the runner, wherever a script has sent the output
passed() {
    echo "@passed $*" >&"$_log"
}

# The last command that fails is the one that ends the script.
_note_failure() {
    echo "@failed ${BASH_SOURCE[1]}:${BASH_LINENO[0]}: $BASH_COMMAND" >&"$_log"
}

# Of stack.sh, for whose tables and questions there is nobody.
echo_summary() { echo "$*"; }
echo_nolog() { echo "$*"; }
read_password() { :; }

source_libraries() {
    local name
    for name in apache tls infra libraries lvm horizon keystone glance nova placement cinder swift neutron ldap \
        dstat atop tcpdump etcd3 os-vif; do
            source "$TOP_DIR/lib/$name"
    done
    # It imports Neutron.
    filter_network_api_extensions() { :; }
}

export LC_ALL=C.UTF-8
umask 022
PATH=$PATH:/usr/local/bin:/usr/local/sbin:/usr/sbin:/sbin
# shellcheck disable=SC2034  # plugins read it
FILES=$TOP_DIR/files
cd "$TOP_DIR" || exit
source "$TOP_DIR/functions"
