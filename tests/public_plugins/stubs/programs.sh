# shellcheck shell=bash
# put_programs DIRECTORY NAME...: put programs that do nothing there, but for names that there are already
put_programs() {
    local directory=$1 name
    shift
    mkdir -p "$directory"
    for name; do
        [[ $name =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || continue
        type -P "$name" > /dev/null || [[ -e $directory/$name ]] || ln -s "$STUBS/program" "$directory/$name"
    done
}

# declared_programs DIRECTORY: print the names of the programs that a Python project there declares
declared_programs() {
    local file
    for file in "$1/setup.cfg" "$1/pyproject.toml"; do
        [[ ! -r $file ]] || awk -F= '
            /^\[/ { section = $0; wanted = 0 }
            /^(console|wsgi)_scripts *=/ { wanted = 1; next }
            /^[a-z_.]+ *=/ && section !~ /scripts\]/ { wanted = 0 }
            section ~ /^\[project.*scripts\]/ { wanted = 1 }
            wanted && NF > 1 { gsub(/[" \t]/, "", $1); print $1 }' "$file"
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
                # shellcheck disable=SC2046
                put_programs "$directory" $(declared_programs "$word")
                ;;
            *) put_programs "$directory" "${word%%[^A-Za-z0-9._-]*}" ;;
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
