# shellcheck shell=bash
# Enabled plugins and their requirements.

DEVSTACK_PLUGINS=${DEVSTACK_PLUGINS:-}
declare -gA PLUGIN_REQUIRES
declare -ga DEFINED_PLUGINS

# enable_plugin NAME URL [REF]
# shellcheck disable=SC2034  # git_clone_by_name reads the arrays
enable_plugin() {
    local -
    set +x
    if is_plugin_enabled "$1"; then
        die "$LINENO" "Plugin attempted to be enabled twice: $1 $2 ${3-}"
    fi
    DEVSTACK_PLUGINS+=,$1
    GITREPO[$1]=$2
    GITDIR[$1]=$DEST/$1
    GITBRANCH[$1]=${3:-master}
}

# is_plugin_enabled NAME
is_plugin_enabled() {
    [[ ,${DEVSTACK_PLUGINS-}, == *",$1,"* ]]
}

# define_plugin NAME: add it to DEFINED_PLUGINS
define_plugin() {
    [[ " ${DEFINED_PLUGINS[*]} " == *" $1 "* ]] || DEFINED_PLUGINS+=("$1")
}

# plugin_requires NAME OTHER: add OTHER to PLUGIN_REQUIRES[NAME]
plugin_requires() {
    [[ " ${PLUGIN_REQUIRES[$1]-} " == *" $2 "* ]] || PLUGIN_REQUIRES[$1]+=" $2"
}

# fetch_plugins: clone all enabled plugins
fetch_plugins() {
    local plugin
    local IFS=,
    for plugin in ${DEVSTACK_PLUGINS-}; do
        [[ ! $plugin ]] || git_clone_by_name "$plugin"
    done
}
