# Set the defaults of DevStack's projects, after override_defaults. Sourced once, at the top level of a
# session.

if [[ ! ${DEVSTACK_DIR-} ]]; then
    _set_project_defaults
else
    for _doitstack_file in "$TOP_DIR"/lib/{apache,tls,infra,libraries,lvm,host,horizon,keystone,glance} \
        "$TOP_DIR"/lib/{nova,placement,cinder,swift,neutron,ldap,etcd3,os-vif}; do
        # shellcheck source=/dev/null
        [[ ! -r $_doitstack_file ]] || source "$_doitstack_file"
    done
fi
