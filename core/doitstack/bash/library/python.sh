# shellcheck shell=bash
# Python packages, installed by uv in the stack's virtual environment.

# shellcheck disable=SC2034  # plugins read and set it
declare -gA PROJECT_VENV

# join_extras NAME...: print them joined by commas
join_extras() {
    local IFS=,
    echo "$*"
}

# _run_uv ARG...: run uv: the one named in UV, the one in PATH, or the one next to our Python
_run_uv() {
    if [[ ${UV-} ]]; then
        "$UV" "$@"
    elif type -P uv > /dev/null; then
        uv "$@"
    elif [[ ${DOITSTACK_PYTHON-} ]]; then
        "$DOITSTACK_PYTHON" -m uv "$@"
    else
        die "$LINENO" "uv not found: install it, or set UV to its path"
    fi
}

# _current_venv: print the environment that packages are installed into
_current_venv() {
    if [[ ${PIP_VIRTUAL_ENV-} && -d $PIP_VIRTUAL_ENV ]]; then
        echo "$PIP_VIRTUAL_ENV"
    else
        echo "${STACK_VENV:-$DEST/venvs/stack}"
    fi
}

# _ensure_venv DIRECTORY: create it once, even if futures call this in parallel or one was killed in it
_ensure_venv() {
    local lock result=0
    [[ ! -x $1/bin/python || -e $1.making ]] || return 0
    mkdir -p "${1%/*}"
    exec {lock}>> "$1.making"
    _lock "$lock"
    # another process has created it in the meantime and removed the lock file
    if [[ -e $1.making ]]; then
        _make_venv "$1" && rm -f "$1.making" || result=$?
    fi
    exec {lock}>&-
    return "$result"
}

# _make_venv DIRECTORY: create it with what stack.sh installs before any plugin: a WSGI server, and drivers
# of the database and the cache
_make_venv() {
    local -a constraint=()
    rm -rf "$1"
    _run_uv venv --quiet --seed --python "${PYTHON3_VERSION:-${DOITSTACK_PYTHON:-python3}}" "$1" || return
    [[ ${OFFLINE-} != True ]] || return 0
    _add_constraints constraint
    _run_uv pip install --quiet --python "$1/bin/python" "${constraint[@]}" \
        pyuwsgi pymysql pymemcache python-memcached
}

# get_python_exec_prefix: print the directory of the programs of Python packages
get_python_exec_prefix() {
    local -
    set +x
    echo "$(_current_venv)/bin"
}

get_pip_command() {
    echo "$(_current_venv)/bin/pip"
}

# pip_install ARG...: the arguments are those of pip
pip_install() {
    local -
    set +x
    local venv result=0
    local -a arguments=()
    local IFS=$' \t\n'
    [[ ${OFFLINE:-False} != True && $* ]] || return 0
    time_start pip_install
    PIP_UPGRADE=$(trueorfalse False PIP_UPGRADE)
    [[ $PIP_UPGRADE != True ]] || arguments+=(--upgrade)
    _add_constraints arguments
    _pip_arguments "$@"
    venv=$(_current_venv)
    _ensure_venv "$venv" && _run_uv pip install --quiet --python "$venv/bin/python" "${arguments[@]}" || result=$?
    time_stop pip_install
    return "$result"
}

# _pip_arguments ARG...: add those that uv understands to the caller's array arguments
_pip_arguments() {
    local word
    # shellcheck disable=SC2048  # one argument may hold several, as in DevStack
    for word in $*; do
        case $word in
            --user | --no-warn-script-location | --disable-pip-version-check | --root-user-action=*) ;;
            -I | --ignore-installed | --force-reinstall) arguments+=(--reinstall) ;;
            *) arguments+=("$word") ;;
        esac
    done
}

# _add_constraints ARRAY: add the option of the constraints to the words of a command
_add_constraints() {
    local file
    local -n _words=$1
    file=$(_constraints)
    [[ ! $file ]] || _words+=(--constraint "$file")
}

# _constraints: print the constraints file, without the projects that are installed from source; nothing if
# there is none. It is that of the requirements project, to which scripts may add, unless another one is set.
_constraints() {
    local file=${UPPER_CONSTRAINTS_FILE:-${REQUIREMENTS_DIR-}/upper-constraints.txt} from_source=${DEST-}/.constraints
    if [[ -r $file && -r $from_source/from-source ]]; then
        _without_projects "$file" "$from_source/from-source" > "$from_source/${file##*/}.$BASHPID"
        mv -f "$from_source/${file##*/}.$BASHPID" "$from_source/${file##*/}"
        file=$from_source/${file##*/}
    fi
    [[ ! ${UPPER_CONSTRAINTS_FILE-} && ! -r $file ]] || echo "$file"
}

# _without_projects CONSTRAINTS NAMES: print the constraints without the projects that are named
_without_projects() {
    local line name names
    names=" $(tr '\n' ' ' < "$2")"
    while IFS= read -r line; do
        name=${line%%===*}
        name=${name,,}
        [[ $line == *===* && $names == *" ${name//[_.]/-} "* ]] || echo "$line"
    done < "$1"
}

# _unconstrain DIRECTORY: remove its project from the constraints, since its source is used
_unconstrain() {
    local name
    name=$(_project_name "$1")
    [[ $name && ${DEST-} ]] || return 0
    mkdir -p "$DEST/.constraints"
    echo "$name" >> "$DEST/.constraints/from-source"
}

# _project_name DIRECTORY: print its name in setup.cfg or pyproject.toml, normalized as by pip
_project_name() {
    local file line
    for file in "$1/setup.cfg" "$1/pyproject.toml"; do
        [[ -r $file ]] || continue
        while IFS= read -r line; do
            if [[ $line =~ ^name[[:blank:]]*=[[:blank:]]*[\"\']?([A-Za-z0-9._-]+) ]]; then
                _normal_name "${BASH_REMATCH[1]}"
                return
            fi
        done < "$file"
    done
}

_normal_name() {
    local name=${1,,}
    name=${name//[_.]/-}
    echo "$name"
}

# pip_uninstall NAME
pip_uninstall() {
    local -
    set +x
    local venv
    [[ ${OFFLINE-} != True ]] || return 0
    venv=$(_current_venv)
    [[ -x $venv/bin/python && ! -e $venv.making ]] || return 0
    # it might not be installed
    _run_uv pip uninstall --quiet --python "$venv/bin/python" "$1" || :
}

# get_from_global_requirements NAME: print its line in the requirements project, without the comment. If that project
# is missing, or the line is missing and it is not a checkout but what a run makes, print the bare name, which the
# constraints pin.
get_from_global_requirements() {
    local -
    set +x
    if [[ ! -r ${REQUIREMENTS_DIR-}/global-requirements.txt ]]; then
        echo "$1"
    elif ! _global_requirement "$1"; then
        [[ -e $REQUIREMENTS_DIR/.doitstack ]] || die "$LINENO" "Can't find package $1 in requirements"
        echo "$1"
    fi
}

_global_requirement() {
    local line name=${1,,}
    while IFS= read -r line; do
        line=${line%%#*}
        # the name may be the prefix of another name
        if [[ ${line,,} == "$name"* && ${line:${#name}:1} != [A-Za-z0-9._-] ]]; then
            _print_trimmed "$line"
            return
        fi
    done < "$REQUIREMENTS_DIR/global-requirements.txt"
    return 1
}

# get_version_constraints_from_global_requirements NAME
get_version_constraints_from_global_requirements() {
    local line
    line=$(get_from_global_requirements "$1") || exit
    echo "${line:${#1}}"
}

# pip_install_gr NAME
pip_install_gr() {
    local requirement
    requirement=$(get_from_global_requirements "$1") || exit
    pip_install "${requirement// /}"
}

# pip_install_gr_extras NAME EXTRA,EXTRA
pip_install_gr_extras() {
    local requirement
    requirement=$(get_from_global_requirements "$1") || exit
    pip_install "$1[$2]${requirement:${#1}}"
}

# use_library_from_git NAME
use_library_from_git() {
    [[ ${LIBS_FROM_GIT-} == ALL || ,${LIBS_FROM_GIT-}, == *",$1,"* ]]
}

# lib_installed_from_git NAME: whether it is installed in editable mode
lib_installed_from_git() {
    local -
    set +x
    local venv name line
    venv=$(_current_venv)
    name=$(_normal_name "${1##*/}")
    while IFS= read -r line; do
        [[ $(_normal_name "${line%%==*}") != "$name" ]] || return 0
    done < <(_run_uv pip list --quiet --editable --format freeze --python "$venv/bin/python" 2> /dev/null)
    return 1
}

# check_libs_from_git: fail unless all of LIBS_FROM_GIT are
check_libs_from_git() {
    local library missing=''
    local IFS=,
    for library in ${LIBS_FROM_GIT-}; do
        lib_installed_from_git "$library" || missing+=" $library"
    done
    [[ ! $missing ]] || die "$LINENO" "The following LIBS_FROM_GIT were not installed correct: $missing"
}

# setup_lib NAME
setup_lib() {
    setup_install "${GITDIR[$1]}"
}

# setup_dev_lib [-bindep[=PROFILE]] NAME [EXTRAS]
setup_dev_lib() {
    local -a bindep=()
    [[ $1 != -bindep* ]] || { bindep=("$1"); shift; }
    setup_develop "${bindep[@]}" "${GITDIR[$1]}" "${2-}"
}

# setup_install [-bindep[=PROFILE]] DIRECTORY [EXTRAS]
setup_install() {
    local -a bindep=()
    [[ $1 != -bindep* ]] || { bindep=("$1"); shift; }
    _setup_source "${bindep[@]}" "$1" "" "${2-}"
}

# setup_develop [-bindep[=PROFILE]] DIRECTORY [EXTRAS]
setup_develop() {
    local -a bindep=()
    [[ $1 != -bindep* ]] || { bindep=("$1"); shift; }
    _setup_source "${bindep[@]}" "$1" -e "${2-}"
}

# _setup_source [-bindep[=PROFILE]] DIRECTORY FLAGS EXTRAS
_setup_source() {
    local -a bindep=()
    local directory
    [[ $1 != -bindep* ]] || { bindep=("$1"); shift; }
    directory=$(cd "$1" && pwd) || die "$LINENO" "cannot install $1: no such directory"
    _unconstrain "$directory"
    setup_package "${bindep[@]}" "$directory" "$2" "$3"
}

# setup_package [-bindep[=PROFILE]] DIRECTORY [FLAGS] [EXTRAS]
setup_package() {
    local profiles directory flags extras
    local -a bindep=()
    [[ $1 != -bindep* ]] || { bindep=("$1"); shift; }
    directory=$1 flags=${2-} extras=${3-}
    # an argument that does not look like a flag is the list of extras
    if [[ $flags && ! $extras && $flags != -* ]]; then
        extras=$flags flags=''
    fi
    if ((${#bindep[@]} > 0)); then
        profiles=${bindep[0]#-bindep}
        install_bindep "$directory/bindep.txt" "${profiles#=}"
    fi
    pip_install "$flags" "$directory${extras:+[$extras]}"
}

enable_python3_package() {
    echo "It is no longer necessary to call enable_python3_package()."
}

disable_python3_package() {
    echo "It is no longer possible to call disable_python3_package()."
}

python3_enabled() {
    return 0
}

# python_version, python3_version: print a name such as python3.12
python_version() {
    local -
    set +x
    local python
    python=$(_current_venv)/bin/python
    [[ -x $python ]] || python=${DOITSTACK_PYTHON:-python3}
    "$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])'
}

python3_version() {
    python_version
}

# install_python, install_python3: create the environment with its interpreter
install_python() {
    _ensure_venv "$(_current_venv)"
    PYTHON=$(_current_venv)/bin/python
    export PYTHON
}

install_python3() {
    install_python
}
