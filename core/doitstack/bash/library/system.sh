# shellcheck shell=bash
# Root privileges, and files and groups that may need them.

# If a machine has no sudo, root runs the command directly.
if ((EUID == 0)) && ! type -P sudo > /dev/null; then
    # sudo [-EHkniS] [-u USER] [-g GROUP] [--] [NAME=VALUE...] COMMAND...
    sudo() {
        local -
        set +x
        local user=''
        local -a assign=()
        while (($#)); do
            case $1 in
                -u) user=$2; shift 2 ;;
                -u?*) user=${1:2}; shift ;;
                --user=*) user=${1#*=}; shift ;;
                -g | -p | -C | -h) shift 2 ;;
                --) shift; break ;;
                -v | -k | -K) (($# > 1)) || return 0; shift ;;
                -*) shift ;;
                *) break ;;
            esac
        done
        while [[ ${1-} == [A-Za-z_]*=* ]]; do
            assign+=("$1")
            shift
        done
        (($#)) || return 0
        if [[ ! $user || $user == root ]]; then
            env "${assign[@]}" "$@"
        else
            runuser -u "$user" -- env "${assign[@]}" "$@"
        fi
    }
else
    # sudo [-EHnS] [NAME=VALUE...] COMMAND...: sudo has a PATH of its own, without the programs of the stack
    sudo() {
        local -
        set +x
        local -a before=()
        while [[ ${1-} == -[EHnS] || ${1-} == [A-Za-z_]*=* ]]; do
            before+=("$1")
            shift
        done
        if [[ ${1-} != */* && ${DEST-} && -x $DEST/bin/${1-} && ! -d $DEST/bin/${1-} ]]; then
            set -- "$DEST/bin/$1" "${@:2}"
        fi
        command sudo "${before[@]}" "$@"
    }
fi

# sudo_with_proxies COMMAND...
sudo_with_proxies() {
    sudo http_proxy="${http_proxy-}" https_proxy="${https_proxy-}" no_proxy="${no_proxy-}" "$@"
}

# _is_privileged: whether we are root or sudo works without a password
_is_privileged() {
    ((EUID == 0)) || { type -P sudo > /dev/null && sudo -n true 2> /dev/null; }
}

# _lock DESCRIPTOR: take the lock, if there is flock, which is not part of coreutils
_lock() {
    ! type -P flock > /dev/null || flock "$1"
}

is_nfs_directory() {
    [[ $(stat -f -L -c %T "$1") == nfs ]]
}

# _safe_permission_operation COMMAND ARG... FILE: run it as root, except on NFS, where root has no rights
_safe_permission_operation() {
    local -
    set +x
    local directory=${*: -1}
    [[ -d $directory ]] || directory=$(dirname "$directory")
    is_nfs_directory "$directory" || sudo "$@"
}

safe_chown() {
    _safe_permission_operation chown "$@"
}

safe_chmod() {
    _safe_permission_operation chmod "$@"
}

# add_user_to_group USER GROUP
add_user_to_group() {
    sudo usermod -a -G "$2" "$1"
}

# cp_it SOURCE DESTINATION: copy if SOURCE exists
cp_it() {
    [[ ! -e $1 ]] || cp -pRL "$1" "$2"
}

# is_running NAME: whether a process has NAME in its command line
is_running() {
    local -
    set +x
    local file
    local -a words
    for file in /proc/[0-9]*/cmdline; do
        [[ $file != "/proc/$$/cmdline" && $file != "/proc/$BASHPID/cmdline" ]] || continue
        { mapfile -d '' words < "$file"; } 2> /dev/null || continue
        [[ ${words[*]} != *"$1"* ]] || return 0
    done
    return 1
}

clean_pyc_files() {
    [[ ! ${DEST-} || ! -d $DEST ]] || find "$DEST" -name '*.pyc' -delete
}

cleanup_tmp() {
    :
}

# get_extra_file NAME_OR_URL: print the path of the file; a URL is downloaded to $FILES
get_extra_file() {
    local -
    set +x
    local name=${1##*/}
    if [[ $1 == file://* ]]; then
        echo "${1#file://}"
        return
    fi
    if [[ $1 != *://* ]]; then
        echo "$1"
        return
    fi
    mkdir -p "$FILES"
    if [[ ! -f $FILES/$name || $(stat -c %s "$FILES/$name") == 0 ]]; then
        curl -fsSL -o "$FILES/$name" "$1" >&2 || die "$LINENO" "cannot fetch $1"
    fi
    echo "$FILES/$name"
}

# read_password NAME PROMPT: never asks; uses the value that is set, else one that is generated once
read_password() {
    local -
    set +x
    local name=$1 value
    [[ ! ${!name-} ]] || return 0
    value=$(_kept_password "$name") || return
    printf -v "$name" '%s' "$value"
    export "${name?}"
}

_kept_password() {
    local file=${DEST-}/passwords line value
    [[ ${DEST-} ]] || die "$LINENO" "$1 is not set, and neither is DEST, where passwords are kept"
    (umask 077; mkdir -p "$DEST")
    # config/passwords.py takes the same lock
    exec {lock}>> "$DEST/.passwords.lock"
    _lock "$lock"
    if [[ -r $file ]]; then
        while IFS= read -r line; do
            [[ $line != "$1="?* ]] || { echo "${line#*=}"; return; }
        done < "$file"
    fi
    value=$(generate_hex_string 16)
    (umask 077; echo "$1=$value" >> "$file")
    echo "$value"
}
