# shellcheck shell=bash
# Policy files of services.

# policy_add FILE NAME PERMISSION: add it to a policy.json, unless it exists; a missing file is created
policy_add() {
    local -
    set +x
    local line last='' text='' REPLY
    _script_file "$1"
    set -- "$REPLY" "${@:2}"
    [[ -s $1 ]] || printf '{\n}\n' > "$1"
    if grep -q -- "$2" "$1"; then
        echo "Policy $2 already exists in $1"
        return 0
    fi
    while IFS= read -r line; do
        [[ $line != '}'* ]] || break
        [[ $line != "$last" ]] || continue
        last=$line
        [[ $line != *[]\"] ]] || line+=,
        text+=$line$'\n'
    done < "$1"
    printf '%s    "%s": %s\n}\n' "$text" "$2" "$3" > "$1"
}

# install_default_policy PROJECT: copy the policy from the source tree to the configuration
install_default_policy() {
    local directory=${1^^}_DIR conf=${1^^}_CONF_DIR
    cp -p "${!directory}/etc/$1/policy.json" "${!conf}"
    if [[ -d ${!directory}/etc/$1/policy.d ]]; then
        cp -r "${!directory}/etc/$1/policy.d" "${!conf}/policy.d"
    fi
}
