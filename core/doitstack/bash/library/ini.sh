# shellcheck shell=bash
# INI files in pure bash; the result is byte for byte that of DevStack's sed expressions.
#
# Every access to a string costs time in bash, so a file is split at "[", not into lines, and a
# call touches little more than the pieces that it changes. In the name of a section or option, a
# "." matches any character, as in sed; all other characters are literal.

# _ini_read FILE SECTION CALLER: read the file into _ini_pieces, which end with "[". _ini_headers has
# the indexes of the pieces that begin the section, _ini_ranges those of the pieces with its
# options; each range is one piece. As in sed's range, a second header of the section directly
# after the first one only closes it.
_ini_read() {
    local _ini_pattern inside=''
    local -i i
    _ini_headers=() _ini_ranges=()
    if [[ -f $1 && -r $1 ]]; then
        mapfile -d '[' _ini_pieces < "$1"
    elif [[ ${sudo-} ]]; then
        mapfile -d '[' _ini_pieces < <(sudo cat -- "$1")
    else
        echo "$3: cannot read $1" >&2
        return 2
    fi
    _ini_glob "$2"
    for ((i = 1; i < ${#_ini_pieces[@]}; i++)); do
        # shellcheck disable=SC2053  # a pattern on purpose
        if [[ ${_ini_pieces[i]} == $_ini_pattern]* ]] && _ini_begins_line "${inside:-$((i - 1))}"; then
            _ini_headers+=("$i")
            _ini_toggle
        elif [[ $inside ]]; then
            _ini_extend
        fi
    done
}

# _ini_begins_line PIECE: whether the "[" at its end is at the start of a line
_ini_begins_line() {
    [[ ${_ini_pieces[$1]} == *$'\n[' || ($1 == 0 && ${_ini_pieces[0]} == '[') ]]
}

_ini_toggle() {
    if [[ $inside ]]; then
        inside=''
    else
        inside=$i
        _ini_ranges+=("$i")
    fi
}

# A line that begins with "[" and contains a "]" ends the range; any other belongs to it.
_ini_extend() {
    local piece=${_ini_pieces[i]}
    if [[ ${_ini_pieces[inside]##*$'\n'} == '['* && ${piece%%$'\n'*} == *']'* ]]; then
        inside=''
    else
        _ini_pieces[inside]+=$piece
        _ini_pieces[i]=''
    fi
}

# _ini_glob NAME: set _ini_pattern to a glob pattern for it
_ini_glob() {
    _ini_pattern=$1
    [[ $1 == *[!A-Za-z0-9_:-]* ]] || return 0
    local special
    for special in \\ '*' '?' '['; do
        _ini_pattern=${_ini_pattern//"$special"/"\\$special"}
    done
    _ini_pattern=${_ini_pattern//./'?'}
}

# _ini_regex NAME: set _ini_pattern to an extended regular expression for it
_ini_regex() {
    local -i i
    _ini_pattern=$1
    [[ $1 == *[!A-Za-z0-9_:-]* ]] || return 0
    _ini_pattern=
    for ((i = 0; i < ${#1}; i++)); do
        case ${1:i:1} in
            .) _ini_pattern+=$'[^\n]' ;;
            [\\^\$\[\(\)\{\}\|*+?]) _ini_pattern+="\\${1:i:1}" ;;
            *) _ini_pattern+=${1:i:1} ;;
        esac
    done
}

# _ini_each REGEX FUNCTION: call FUNCTION for every matching line of the section's ranges (the match
# is in BASH_REMATCH). FUNCTION changes _ini_line, or unsets it to remove the line
_ini_each() {
    local tail head before line _ini_line
    local -i piece
    for piece in "${_ini_ranges[@]}"; do
        tail=${_ini_pieces[piece]} head=''
        while [[ $tail =~ $'\n'$1 ]]; do
            line=${BASH_REMATCH[0]}
            before=${tail%%"$line"*}
            tail=${tail:${#before} + ${#line}}
            head+=$before _ini_line=${line:1}
            "$2"
            if [[ -v _ini_line ]]; then
                head+=$'\n'$_ini_line
            else
                tail=${tail:-$'\n'}
            fi
            _ini_grow "$line" "${_ini_line+x$_ini_line}"
        done
        _ini_pieces[piece]=$head$tail
    done
}

# _ini_grow OLD NEW: record that a line changed, and by how much the file grew
_ini_grow() {
    [[ $1 != $'\n'"${2:1}" || ! $2 ]] || return 0
    _ini_changed=1
    if [[ $1$2 == *[![:ascii:]]* ]]; then
        # if the locale does not exist, bash prints a warning when LC_ALL is restored
        _ini_grow_bytes "$1" "$2" 2> /dev/null
    else
        _ini_growth+=${#2}-${#1}
    fi
}

_ini_grow_bytes() {
    local LC_ALL=C
    _ini_growth+=${#2}-${#1}
}

# _ini_insert LINES: insert them directly below every header of the section
_ini_insert() {
    local piece header
    local -i i
    for i in "${_ini_headers[@]}"; do
        piece=${_ini_pieces[i]}
        [[ $piece == *$'\n'* ]] || _ini_whole_header
        header=${piece%%$'\n'*}
        piece=${piece:${#header}}
        _ini_pieces[i]=$header$'\n'$1${piece:-$'\n'}
        _ini_changed=1
    done
}

# The line of a header may contain another "[".
_ini_whole_header() {
    local -i next=i
    while ((++next < ${#_ini_pieces[@]})) && [[ $piece != *$'\n'* ]]; do
        piece+=${_ini_pieces[next]}
        _ini_pieces[next]=''
    done
}

# _ini_save: if a piece has changed, write the pieces back in place, so that owner, mode and links
# stay the same. A file that does not shrink is overwritten and never truncated. If it shrinks, the
# signals that stop a future are blocked between truncating and writing.
_ini_save() {
    local IFS=''
    [[ $_ini_changed ]] || return 0
    _ini_announce "$file" || return
    if [[ $sudo && ! -w $file ]]; then
        printf '%s' "${_ini_pieces[*]}" | sudo tee -- "$file" > /dev/null
    elif ((_ini_growth >= 0)); then
        echo -En "${_ini_pieces[*]}" 1<> "$file"
    else
        _ini_cut
    fi
}

# The traps of the caller are restored; they are read through a pipe, since "$(trap -p)" forks.
# Truncated and written with two opens: with a single one, ext4 flushes the file to disk at once.
_ini_cut() {
    local traps='' descriptor result=0
    exec {descriptor}<<< ''
    trap -p HUP INT TERM > "/proc/self/fd/$descriptor"
    IFS= read -r -d '' -u "$descriptor" traps || :
    exec {descriptor}<&-
    trap '' HUP INT TERM
    { : > "$file" && echo -En "${_ini_pieces[*]}" >> "$file"; } || result=1
    trap - HUP INT TERM
    eval "$traps"
    return "$result"
}

# _ini_announce FILE: in a run, let its name be on the disk before it changes: a crash of the machine may damage it
declare -gA _ini_announced
_ini_announce() {
    local path=$1
    [[ $path == /* ]] || path=$PWD/$path
    [[ ${_doitstack_messages-} && ! ${_ini_announced[$path]-} ]] || return 0
    doitstack_request changes "$path" || return
    _ini_announced[$path]=1
}

# _ini_append TEXT
_ini_append() {
    _ini_announce "$file" || return
    if [[ $sudo && ! -w $file ]]; then
        printf '%s' "$1" | sudo tee -a -- "$file" > /dev/null
    else
        echo -En "$1" >> "$file"
    fi
}

# _ini_unescape VALUE: set _ini_value to what sed makes of a text to append
_ini_unescape() {
    local rest=$1 char
    _ini_value=$1
    [[ $1 == *\\* ]] || return 0
    _ini_value=
    while [[ $rest ]]; do
        char=${rest:0:1} rest=${rest:1}
        if [[ $char != \\ ]]; then
            _ini_value+=$char
        elif [[ $rest =~ ^(x[0-9a-fA-F]{1,2}|o[0-7]{1,3}|d[0-9]{1,3}|c.) ]]; then
            _ini_numbered "${BASH_REMATCH[1]}"
            _ini_value+=$char
            rest=${rest:${#BASH_REMATCH[1]}}
        else
            _ini_escape "${rest:0:1}"
            _ini_value+=$char
            rest=${rest:1}
        fi
    done
}

# _ini_escape CHARACTER: set char to the meaning of the character after a backslash
_ini_escape() {
    case $1 in
        [afnrtv]) printf -v char '%b' "\\$1" ;;
        '') char=$'\n' ;;
        *) char=$1 ;;
    esac
}

# _ini_numbered ESCAPE: the same for x41, o101, d65 and cA
_ini_numbered() {
    local -i code
    case $1 in
        x*) code=16#${1:1} ;;
        o*) code=8#${1:1} ;;
        d*) code=10#${1:1} ;;
        c*) printf -v code '%d' "'${1:1:1}" && code=code\&31 ;;
    esac
    printf -v char '\\x%x' "$code"
    printf -v char '%b' "$char"
}

# _ini_exists: whether the caller's file exists; root may see files that we do not
_ini_exists() {
    [[ -e $file ]] || { [[ $sudo ]] && sudo test -e "$file"; }
}

# _ini_words VALUE: set _ini_value as an unquoted echo would print it, without expanding file names
_ini_words() {
    local IFS=$' \t\n'
    local -a words
    _ini_value=$1
    [[ $1 == *[$' \t\n']* && " $1 " == *[$' \t\n'][$' \t\n']* || $1 == *[$'\t\n']* ]] || return 0
    read -r -d '' -a words <<< "$1" || :
    _ini_value="${words[*]}"
}

# _ini_arguments [-sudo] FILE SECTION OPTION ARG...: set the caller's variables
_ini_arguments() {
    local REPLY
    sudo=''
    if [[ ${1-} == -sudo ]]; then
        sudo=1
        shift
    fi
    _script_file "${1-}"
    file=$REPLY section=${2-} option=${3-}
    rest=("${@:4}")
}

# iniset [-sudo] FILE SECTION OPTION VALUE: set it to the words of the value, which may have any
# characters; a missing file is created
iniset() {
    local -
    set +x
    local sudo file section option rest _ini_value _ini_changed='' found=''
    local -a _ini_pieces=() _ini_headers=() _ini_ranges=()
    local -i _ini_growth=0
    _ini_arguments "$@"
    [[ $section && $option ]] || return 0
    _ini_words "${rest[0]-}"
    if _ini_exists; then
        _ini_read "$file" "$section" iniset || return
        _ini_each_option "$option" _ini_set_line
    fi
    if [[ ! $found ]]; then
        if [[ ! ${_ini_headers[*]} ]]; then
            _ini_append $'\n'"[$section]"$'\n'"$option = $_ini_value"$'\n'
            return
        fi
        _ini_insert "$option = $_ini_value"
    fi
    _ini_save
}

_ini_set_line() {
    found=1
    _ini_line=${BASH_REMATCH[1]}$_ini_value
}

# _ini_each_option OPTION FUNCTION
_ini_each_option() {
    local _ini_pattern
    _ini_regex "$1"
    _ini_each "($_ini_pattern"$'[ \t]*=[ \t]*)([^\n]*)' "$2"
}

# _ini_edit CALLER FUNCTION ARG...: the common part of inicomment, inidelete and the like
_ini_edit() {
    local sudo file section option rest _ini_changed=''
    local -a _ini_pieces=() _ini_headers=() _ini_ranges=()
    local -i _ini_growth=0
    _ini_arguments "${@:3}"
    [[ $section && $option ]] || return 0
    if [[ $1 != @(iniadd|iniset_multiline) ]] || _ini_exists; then
        _ini_read "$file" "$section" "$1" || return
    fi
    "$2"
    _ini_save
}

# inicomment [-sudo] FILE SECTION OPTION
inicomment() {
    local -
    set +x
    _ini_edit inicomment _ini_comment "$@"
}

_ini_comment() {
    _ini_each_option "$option" _ini_comment_line
}

_ini_comment_line() {
    _ini_line="#$_ini_line"
}

# iniuncomment [-sudo] FILE SECTION OPTION
iniuncomment() {
    local -
    set +x
    _ini_edit iniuncomment _ini_uncomment "$@"
}

_ini_uncomment() {
    local _ini_pattern
    _ini_regex "$option"
    _ini_each $'[^\n]*#[ \t]*'"$_ini_pattern"$'[ \t]*=[^\n]*' _ini_uncomment_line
}

_ini_uncomment_line() {
    [[ $_ini_line =~ [^$' \t']*'#'[$' \t']*("$option"[$' \t']*=.*) ]]
    _ini_line=${_ini_line%"${BASH_REMATCH[0]}"}${BASH_REMATCH[1]}
}

# inidelete [-sudo] FILE SECTION OPTION
inidelete() {
    local -
    set +x
    _ini_edit inidelete _ini_delete "$@"
}

_ini_delete() {
    _ini_each_option "$option" _ini_delete_line
}

_ini_delete_line() {
    unset _ini_line
}

# iniadd_literal [-sudo] FILE SECTION OPTION VALUE: add a line to a multi-valued option
iniadd_literal() {
    local -
    set +x
    _ini_edit iniadd_literal _ini_add_literal "$@"
}

_ini_add_literal() {
    local _ini_value
    _ini_unescape "${rest[0]-}"
    _ini_insert "$option = $_ini_value"
}

# iniset_multiline [-sudo] FILE SECTION OPTION VALUE...: replace all values of the option; a missing
# file is created, as by iniadd
iniset_multiline() {
    local -
    set +x
    _ini_edit iniset_multiline _ini_set_multiline "$@"
}

_ini_set_multiline() {
    local lines='' value _ini_value
    local IFS=$' \t\n'
    set -f
    # words, as in DevStack: one argument may hold several values
    # shellcheck disable=SC2048
    for value in ${rest[*]}; do
        _ini_unescape "$value"
        lines+=$'\n'"$option = $_ini_value"
    done
    if [[ ${_ini_headers[*]} ]]; then
        _ini_delete
    else
        _ini_pieces+=($'\n[' "$section]"$'\n')
        _ini_headers=($((${#_ini_pieces[@]} - 1)))
        _ini_changed=1
    fi
    [[ ! $lines ]] || _ini_insert "${lines:1}"
}

# iniadd [-sudo] FILE SECTION OPTION VALUE...: add values to those that the option has
iniadd() {
    local -
    set +x
    _ini_edit iniadd _ini_add_values "$@"
}

_ini_add_values() {
    local -a found=()
    _ini_each_option "$option" _ini_collect_value
    rest=("${found[@]}" "${rest[@]}")
    _ini_set_multiline
}

_ini_collect_value() {
    found+=("${BASH_REMATCH[2]}")
}

_ini_collect_line() {
    found+=("$_ini_line")
}

# _ini_find CALLER FUNCTION FILE SECTION OPTION: fill the caller's array found
_ini_find() {
    local _ini_changed
    local -a _ini_pieces _ini_headers _ini_ranges
    local -i _ini_growth=0
    local REPLY
    _script_file "$3"
    _ini_read "$REPLY" "${4-}" "$1" || return
    _ini_each_option "${5-}" "$2"
}

# _ini_print_words TEXT: like an unquoted echo, without expanding file names
_ini_print_words() {
    local IFS=$' \t\n'
    local -a words
    read -r -d '' -a words <<< "$1" || :
    printf '%s\n' "${words[*]}"
}

# iniget FILE SECTION OPTION: print its value; an empty line if it is missing or the file cannot be read
iniget() {
    local -
    set +x
    local -a found=()
    local IFS=$'\n'
    _ini_find iniget _ini_collect_line "$@" || :
    local lines="${found[*]}"
    _ini_print_words "${lines#*=}"
}

# iniget_multiline FILE SECTION OPTION: all values, on one line
iniget_multiline() {
    local -
    set +x
    local -a found=()
    _ini_find iniget_multiline _ini_collect_value "$@" || :
    _ini_print_words "${found[*]}"
}

# ini_has_option [-sudo] FILE SECTION OPTION
ini_has_option() {
    local -
    set +x
    local -a found=()
    local sudo=''
    [[ ${1-} != -sudo ]] || { sudo=1; shift; }
    _ini_find ini_has_option _ini_collect_line "$@" && ((${#found[@]} > 0))
}

# iniget_sections FILE
iniget_sections() {
    local -
    set +x
    local line sections=''
    while IFS= read -r line || [[ $line ]]; do
        [[ $line == '['*']'* ]] || continue
        line=${line#'['}
        sections+=" ${line%']'*}${line##*']'}"
    done < "$1"
    _ini_print_words "$sections"
}
