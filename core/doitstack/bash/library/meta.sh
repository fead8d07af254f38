# shellcheck shell=bash
# The meta-sections of local.conf: [[GROUP|FILE]] and the INI lines below it.

# _meta_header LINE: set meta_group and meta_file to the group and file of the header
_meta_header() {
    local word=${1%%[[:blank:]]*}
    [[ $1 =~ ^'[['.+'|'.*']]' ]] || return 1
    word=${word//[/}
    word=${word//]/}
    meta_group=${word%%|*} meta_file=${word#*|}
    [[ $word == *'|'* ]] || meta_file=''
    meta_file=${meta_file%%|*}
}

# get_meta_section FILE GROUP CONFIG_FILE: print its lines
get_meta_section() {
    local -
    set +x
    local line meta_group='' meta_file='' inside=''
    [[ -r $1 && ${3-} ]] || return 0
    while IFS= read -r line || [[ $line ]]; do
        if _meta_header "$line"; then
            [[ $meta_group == "$2" && $meta_file == "$3" ]] && inside=1 || inside=''
        elif [[ $inside ]]; then
            printf '%s\n' "$line"
        fi
    done < "$1"
}

# get_meta_section_files FILE GROUP: print the files of the group, in order
get_meta_section_files() {
    local -
    set +x
    local line meta_group='' meta_file=''
    [[ -r $1 ]] || return 0
    while IFS= read -r line || [[ $line ]]; do
        if _meta_header "$line" && [[ $meta_group == "$2" ]]; then
            printf '%s\n' "$meta_file"
        fi
    done < "$1"
}

# _expand TEXT: print it after the shell's expansion of variables, commands and "~"
_expand() {
    # the file contains shell code, as in DevStack
    eval "echo $1"
}

# _config_file NAME: print the file that a header names, or nothing if it uses an undefined variable
_config_file() {
    local target
    target=$(set -o nounset; _expand "$1" 2> /dev/null) || return 0
    _service_file "$target"
    case $target in
        /etc/tempest/tempest.conf | "${TEMPEST_DIR-}/etc/tempest.conf") REPLY=$TEMPEST_CONFIG ;;
    esac
    printf '%s\n' "$REPLY"
}

_UNREAD_FILE='# Nothing reads this file: it has only sections of local.conf.'

# _is_unread FILE: whether it is in the directory of an in-tree service, which does not have such a file
_is_unread() {
    local project directory first
    for project in "${_CONFIGURED_PROJECTS[@]}"; do
        directory=${project}_CONF_DIR
        [[ ${!directory-} && $1 == "${!directory}"/* ]] || continue
        [[ -e $1 ]] || return 0
        IFS= read -r first < "$1" || true
        [[ $first != "$_UNREAD_FILE" ]] || return 0
    done
    return 1
}

# _warn_of_section FILE GROUP CONFIG_FILE TEXT: warn at the end of the run, too
_warn_of_section() {
    local line
    line=$(grep -n -m 1 -F "[[$2|$3]]" "$1") || true
    set -- "$1:${line%%:*}: [[$2|$3]]: $4"
    # Without a run there are no last lines.
    if [[ ${_doitstack_messages-} ]]; then
        doitstack_request warn "$1"
    else
        # It returns the status of the command before it.
        warn "$LINENO" "$1" || true
    fi
}

# merge_config_file FILE GROUP CONFIG_FILE
merge_config_file() {
    local -
    set +x
    local target
    target=$(_config_file "$3")
    [[ -f $target ]] || : >> "$target" || die "$LINENO" "could not create config file $target ($3)"
    local -a meta_options=()
    local -A meta_values=()
    _meta_read "$1" "$2" "$3"
    _meta_write "$target"
}

# _meta_read FILE GROUP CONFIG_FILE: set meta_options, the keys of sections and options in order, and
# meta_values, the values of each key, one per line
_meta_read() {
    local line section='' key
    while IFS= read -r line; do
        if [[ $line == '['?*']'* ]]; then
            section=${line%%[[:blank:]]*}
            section=${section//[\[\]]/}
        elif [[ $line =~ ^' '*'#' || ! $line || $line == [[:blank:]]* ]]; then
            continue
        else
            key=$section$'\n'$(_print_trimmed "${line%%=*}")
            [[ -v meta_values[$key] ]] || meta_options+=("$key")
            [[ $line == *=* ]] || line=''
            meta_values[$key]+=$(_print_trimmed "${line#*=}")$'\n'
        fi
    done < <(get_meta_section "$1" "$2" "$3")
}

# _meta_write FILE: in each section, write the last option first: each is inserted below the header
_meta_write() {
    local key order='' section
    local -a values keys=()
    local -i i
    # sections in their order, in each the options in reverse
    for key in "${meta_options[@]}"; do
        section=${key%%$'\n'*}
        if [[ $order != "$section"$'\n' ]]; then
            _meta_write_section "$1"
            keys=() order=$section$'\n'
        fi
        keys+=("$key")
    done
    _meta_write_section "$1"
}

_meta_write_section() {
    for ((i = ${#keys[@]} - 1; i >= 0; i--)); do
        mapfile -t values <<< "${meta_values[${keys[i]}]%$'\n'}"
        _meta_set "$1" "${keys[i]%%$'\n'*}" "${keys[i]#*$'\n'}"
    done
}

# _meta_set FILE SECTION OPTION: set the values, which may contain shell variables
_meta_set() {
    local -i last=$((${#values[@]} - 1)) n
    if ((last > 0)); then
        inidelete "$1" "$2" "$3"
    fi
    iniset "$1" "$2" "$3" "$(_expand_value "${values[last]}")"
    for ((n = last - 1; n >= 0; n--)); do
        iniadd_literal "$1" "$2" "$3" "$(_expand_value "${values[n]}")"
    done
}

# _expand_value TEXT: expand it as in double quotes, after removing backslashes as DevStack's `read` does
_expand_value() {
    local text
    # shellcheck disable=SC2162
    IFS= read text <<< "$1" || true
    eval "printf '%s' \"$text\""
}

# merge_config_group FILE GROUP...
merge_config_group() {
    local -
    set +x
    local group name target directory
    local -a names
    [[ -r $1 ]] || return 0
    for group in "${@:2}"; do
        mapfile -t names < <(get_meta_section_files "$1" "$group")
        for name in "${names[@]}"; do
            target=$(_config_file "$name")
            if [[ ! $target ]]; then
                _warn_of_section "$1" "$group" "$name" "$name is undefined, so the section is not used"
                continue
            fi
            directory=$(dirname "$target")
            if [[ -e $directory && ! -d $directory ]]; then
                die "$LINENO" "bogus config file specification $name ($name=$target, $directory exists but it is not a directory)"
            fi
            _meta_directory "$directory"
            if _is_unread "$target"; then
                echo "$_UNREAD_FILE" > "$target"
                _warn_of_section "$1" "$group" "$name" "no service reads $target"
            fi
            merge_config_file "$1" "$group" "$name"
        done
    done
}

# merge_existing_config_files FILE GROUP: merge the sections whose files exist
merge_existing_config_files() {
    local -
    set +x
    local name target
    local -a names
    mapfile -t names < <(get_meta_section_files "$1" "$2")
    for name in "${names[@]}"; do
        target=$(_config_file "$name")
        [[ ! -f $target ]] || merge_config_file "$1" "$2" "$name"
    done
}

_meta_directory() {
    [[ ! -d $1 ]] || return 0
    mkdir -p "$1" 2> /dev/null && return
    sudo mkdir -p "$1" || die "$LINENO" "could not create the directory $1"
    sudo chown "${STACK_USER:-$EUID}" "$1"
}

# extract_localrc_section LOCAL_CONF LOCALRC AUTO_FILE
extract_localrc_section() {
    local -
    set +x
    local name
    [[ -r $1 ]] || return 0
    while IFS= read -r name; do
        [[ $name == localrc ]] || continue
        if [[ -r $2 ]]; then
            echo "localrc and local.conf:[[local]] both exist, using localrc"
        else
            { echo "# Generated file, do not edit"; get_meta_section "$1" local localrc; } > "$3"
        fi
    done < <(get_meta_section_files "$1" local)
}
