# shellcheck shell=bash
# Messages, errors, and tests of variables.

# backtrace LEVEL
backtrace() {
    local -
    set +x
    local -i level=$1 deep=$((${#BASH_SOURCE[@]} - 1))
    echo "[Call Trace]"
    while ((level <= deep)); do
        # the frames of the session itself are not shown
        [[ ${BASH_SOURCE[deep]} == "${_doitstack_home-}"/@(session|stack|unstack|clean).sh ]] ||
            echo "${BASH_SOURCE[deep]}:${BASH_LINENO[deep - 1]}:${FUNCNAME[deep - 1]}"
        deep+=-1
    done
}

# die LINE MESSAGE: exit with the failed command's status, or 1
die() {
    local exitcode=$?
    set +x
    _die "$exitcode" "${BASH_SOURCE[1]-}:${1-}" "${*:2}"
}

# _die STATUS PLACE MESSAGE
_die() {
    backtrace 3
    # shellcheck disable=SC2034 # the session's exit function uses it
    _doitstack_exit_message=$3
    _report ERROR "$2 $3"
    exit "$(($1 ? $1 : 1))"
}

# _report LEVEL TEXT: write to standard error, and to the error log if LOGDIR is set
_report() {
    echo "[$1] $2" >&2
    if [[ -n ${LOGDIR-} && -d ${LOGDIR-} ]]; then
        echo "[$1] $2" >> "$LOGDIR/error.log"
    fi
}

# err LINE MESSAGE: returns the status of the previous command
err() {
    local exitcode=$?
    local -
    set +x
    _report ERROR "${BASH_SOURCE[1]-}:${1-} ${2-}"
    return "$exitcode"
}

# warn LINE MESSAGE: returns the status of the previous command
warn() {
    local exitcode=$?
    local -
    set +x
    echo "[WARNING] ${BASH_SOURCE[1]-}:${1-} ${2-}"
    return "$exitcode"
}

# die_if_not_set LINE NAME MESSAGE: also if the previous command failed
die_if_not_set() {
    local exitcode=$?
    local -
    set +x
    if ((exitcode != 0)) || ! is_set "$2"; then
        _die "$exitcode" "${BASH_SOURCE[1]-}:$1" "${*:3}"
    fi
}

# err_if_not_set LINE NAME MESSAGE
err_if_not_set() {
    local exitcode=$?
    local -
    set +x
    if ((exitcode != 0)) || ! is_set "$2"; then
        _report ERROR "${BASH_SOURCE[1]-}:$1 ${*:3}"
    fi
    return "$exitcode"
}

deprecated() {
    local -
    set +x
    DEPRECATED_TEXT=${DEPRECATED_TEXT-}'\n'$1
    echo "WARNING: $1" >&2
}

# echo_summary TEXT: print a line for the user
if ! declare -F echo_summary > /dev/null; then
    echo_summary() {
        local -
        set +x
        echo "$*"
    }
fi

# echo_nolog TEXT
echo_nolog() {
    local -
    set +x
    echo "$*"
}

# is_set NAME: whether it is set and not empty
is_set() {
    [[ -n ${!1-} ]]
}

# isset NAME: whether it is set, maybe empty
isset() {
    [[ -v $1 ]]
}

# trueorfalse DEFAULT NAME: print the value of the variable NAME as True or False
trueorfalse() {
    local -
    set +x
    [[ ${2-} ]] || die "$LINENO" "variable to normalize required"
    case ${!2-} in
        1 | [yY]es | YES | [tT]rue | TRUE) echo True ;;
        0 | [nN]o | NO | [fF]alse | FALSE) echo False ;;
        *) echo "$1" ;;
    esac
}

# bool_to_int True|False: print 1 or 0
bool_to_int() {
    [[ ${1-} ]] || die "$LINENO" "Bool value required"
    [[ $1 == True ]] && echo 1 || echo 0
}

# function_exists NAME
function_exists() {
    declare -F "$1" > /dev/null
}

# get_field NUMBER: print that column of every table row on standard input; -1 is the last column
get_field() {
    local -
    set +x
    local row
    local -a cells
    while IFS= read -r row || [[ $row ]]; do
        IFS='|' read -r -a cells <<< "$row|"
        if (($1 < 0)); then
            _print_trimmed "${cells[${#cells[@]} - 1 + $1]-}"
        else
            _print_trimmed "${cells[$1]-}"
        fi
    done
}

_print_trimmed() {
    local text=$1
    text=${text#"${text%%[![:blank:]]*}"}
    echo "${text%"${text##*[![:blank:]]}"}"
}

# vercmp A OPERATOR B: compare two versions ("<", "<=", "==", ">=", ">")
vercmp() {
    local -
    set +x
    local order first
    first=$(printf '%s\n%s\n' "$1" "$3" | sort -V | head -n 1)
    if [[ $1 == "$3" ]]; then
        order='='
    elif [[ $first == "$1" ]]; then
        order='<'
    else
        order='>'
    fi
    case $2 in
        '<' | '>') [[ $order == "$2" ]] ;;
        '<=' | '>=' | '==') [[ $2 == *"$order"* ]] ;;
        *) die "$LINENO" "unrecognised op: $2" ;;
    esac
}

# generate_hex_string BYTES
generate_hex_string() {
    local -
    set +x
    local LC_ALL=C word
    word=$(od -An -v -tx1 -N "$1" /dev/urandom)
    echo "${word//[[:space:]]/}"
}
