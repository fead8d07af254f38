# shellcheck shell=bash
# put_programs DIRECTORY NAME...: put programs that do nothing there, but for names that the machine has
put_programs() {
    local directory=$1 name
    shift
    mkdir -p "$directory"
    for name; do
        [[ $name =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || continue
        [[ -e $STUBS/$name || -e /usr/bin/$name || -e /usr/sbin/$name || -e $directory/$name ]] || ln -s "$STUBS/program" "$directory/$name"
    done
}

# declared_programs: print the names of the programs that a setup.cfg or pyproject.toml declares
declared_programs() {
    awk -F= '
        /^\[/ { section = $0; wanted = 0 }
        /^ *(console|wsgi)_scripts *=/ { wanted = 1; next }
        /^[a-z_.]+ *=/ && section !~ /scripts\]/ { wanted = 0 }
        section ~ /^\[project.*scripts\]/ { wanted = 1 }
        wanted && NF > 1 { gsub(/[" \t]/, "", $1); print $1 }'
}

# put_project DIRECTORY PROJECT: put the programs of a source tree there, and of what it requires
put_project() {
    local line
    # shellcheck disable=SC2046
    put_programs "$1" $(cat "$2/setup.cfg" "$2/pyproject.toml" 2> /dev/null | declared_programs)
    [[ -r $2/requirements.txt ]] || return 0
    while IFS= read -r line; do
        [[ $line != [A-Za-z]* ]] || put_package "$1" "${line%%[^A-Za-z0-9._-]*}"
    done < "$2/requirements.txt"
}

# put_package DIRECTORY NAME: put the programs of a package there, or one of its name if nothing is known about it
put_package() {
    local file
    put_programs "$1" "$2"
    [[ -e $COPIES/$2 ]] || return 0
    for file in setup.cfg pyproject.toml; do
        # shellcheck disable=SC2046
        put_programs "$1" $(/machine/git -C "$COPIES/$2" show "HEAD:$file" 2> /dev/null | declared_programs)
    done
}

# install_packages DIRECTORY WORD...: put the programs of Python packages there; the words are those of `pip install`
install_packages() {
    local directory=$1 word
    shift
    while (($#)); do
        word=$1
        shift
        case $word in
            -r | -c | --requirement | --constraint | --python | -i | --index-url | -t | --target) shift ;;
            -*) ;;
            */* | .)
                word=${word#file://}
                word=${word%%\[*}
                [[ $word == *://* ]] || compgen -G "$word/setup.*" > /dev/null || [[ -e $word/pyproject.toml ]] ||
                    { echo "ERROR: $word is no Python project" >&2; return 1; }
                [[ $word == *://* ]] || put_project "$directory" "$word"
                ;;
            *) put_package "$directory" "${word%%[^A-Za-z0-9._-]*}" ;;
        esac
    done
}

# make_environment DIRECTORY: make a virtual environment without any package
make_environment() {
    local name
    mkdir -p "$1"/{bin,lib}
    echo "home = /usr/bin" > "$1/pyvenv.cfg"
    for name in python python3 "python$PYTHON_VERSION"; do
        ln -sfn "$STUBS/python3" "$1/bin/$name"
    done
    for name in pip pip3; do
        ln -sfn "$STUBS/pip" "$1/bin/$name"
    done
    echo ":" > "$1/bin/activate"
}
