# What DevStack's projects set, behind override_defaults: sourced once, at the top level of a session.

if [[ ! ${DEVSTACK_DIR-} ]]; then
    _set_project_defaults
else
    for _doitstack_file in "$TOP_DIR"/lib/{apache,tls,infra,libraries,lvm,host,horizon,keystone,glance} \
        "$TOP_DIR"/lib/{nova,placement,cinder,swift,neutron,ldap,etcd3,os-vif}; do
        # shellcheck source=/dev/null
        [[ ! -r $_doitstack_file ]] || source "$_doitstack_file"
    done
fi
