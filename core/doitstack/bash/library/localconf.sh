# shellcheck shell=bash
# Changing local.conf itself.

# localrc_set FILE NAME VALUE
localrc_set() {
    localconf_set "$1" local localrc "" "$2" "$3"
}

# localconf_set [-sudo] FILE GROUP CONFIG SECTION OPTION VALUE: set the option in the
# meta-section [[GROUP|CONFIG]]; if SECTION is empty, in the meta-section itself
localconf_set() {
    local -
    set +x
    local sudo=''
    [[ $1 != -sudo ]] || { sudo=1; shift; }
    local file=$1 header="[[$2|$3]]" section=$4 option=$5 value=${6-} end=''
    local -a lines=()
    [[ $2 && $3 && $option && $value ]] || return 0
    [[ ! -e $file ]] || _localconf_read
    _localconf_change
    _localconf_write
}

# localconf_has_section FILE GROUP CONFIG SECTION
localconf_has_section() {
    local -
    set +x
    local -i meta in_section
    local -a places
    _localconf_look "$@" ''
    ((in_section >= 0))
}

# localconf_has_option FILE GROUP CONFIG SECTION OPTION: if SECTION is empty, in the meta-section itself
localconf_has_option() {
    local -
    set +x
    local -i meta in_section
    local -a places
    _localconf_look "$@"
    ((${#places[@]}))
}

# _localconf_look FILE GROUP CONFIG SECTION OPTION: set the caller's meta, in_section and places
_localconf_look() {
    local file=$1 header="[[$2|$3]]" section=$4 option=$5 end=''
    local -a lines=()
    _localconf_read
    _localconf_find
}

# localconf_update_option, localconf_add_option, localconf_add_section_and_option
# SUDO FILE GROUP CONFIG SECTION OPTION VALUE: SUDO is empty or "sudo"; they change only a meta-section that exists
localconf_update_option() {
    _localconf_edit _localconf_replace "$@"
}

localconf_add_option() {
    _localconf_edit _localconf_add "$@"
}

localconf_add_section_and_option() {
    _localconf_edit _localconf_add_section "$@"
}

# _localconf_edit FUNCTION SUDO FILE GROUP CONFIG SECTION OPTION VALUE
_localconf_edit() {
    local -
    set +x
    local sudo=$2 file=$3 header="[[$4|$5]]" section=$6 option=$7 value=$8 end=''
    local -a lines=() places
    local -i meta in_section place
    _localconf_read
    _localconf_find
    ((meta >= 0)) || return 0
    "$1"
    _localconf_write
}

_localconf_replace() {
    for place in "${places[@]}"; do
        [[ ${lines[place]} =~ ^([^=]*=[[:blank:]]*) ]]
        lines[place]=${BASH_REMATCH[1]}$value
    done
}

_localconf_add() {
    [[ $section ]] || in_section=$meta
    ((in_section < 0)) || _localconf_insert "$in_section" "$option=$value"
}

_localconf_add_section() {
    _localconf_insert "$meta" "[$section]" "$option=$value"
}

# Uses the variables of localconf_set; end is "open" if the last line has no newline.
_localconf_read() {
    mapfile lines < "$file"
    [[ ! ${lines[*]} || ${lines[-1]} == *$'\n' ]] || end=open
    lines=("${lines[@]%$'\n'}")
}

_localconf_change() {
    local -i meta in_section place
    local -a places
    _localconf_find
    if ((meta < 0)); then
        # the first newline ends the last line, or adds an empty line
        [[ $end ]] || lines+=("")
        _localconf_insert "$((${#lines[@]} - 1))" "$header" ${section:+"[$section]"} "$option=$value"
    elif ((${#places[@]})); then
        _localconf_replace
    elif [[ ! $section ]]; then
        _localconf_insert "$meta" "$option=$value"
    elif ((in_section >= 0)); then
        _localconf_insert "$in_section" "$option=$value"
    else
        _localconf_insert "$meta" "[$section]" "$option=$value"
    fi
}

# _localconf_find: set the indexes of the meta-section, its section, and the option's lines; or -1
_localconf_find() {
    local -i i
    local inside='' here=''
    meta=-1 in_section=-1 places=()
    for i in "${!lines[@]}"; do
        case ${lines[i]} in
            "$header"*) meta=$i inside=1 here='' ; [[ $section ]] || here=1 ;;
            '[['*) inside='' here='' ;;
            "[$section]"*) [[ ! $inside || ! $section ]] || in_section=$i here=1 ;;
            '['*) [[ ! $section ]] || here='' ;;
            *) [[ ! $here || ! ${lines[i]} =~ ^"$option"[[:blank:]]*= ]] || places+=("$i") ;;
        esac
    done
}

# _localconf_insert INDEX LINE...: insert lines after that line
_localconf_insert() {
    (($1 < ${#lines[@]} - 1)) || end=''
    lines=("${lines[@]:0:$1 + 1}" "${@:2}" "${lines[@]:$1 + 1}")
}

_localconf_write() {
    local text
    _ini_announce "$file" || return
    printf -v text '%s\n' "${lines[@]}"
    [[ ! $end ]] || text=${text%$'\n'}
    if [[ $sudo && ! -w $file ]]; then
        printf '%s' "$text" | sudo tee -- "$file" > /dev/null
    else
        (trap '' HUP INT TERM; echo -En "$text" > "$file")
    fi
}
