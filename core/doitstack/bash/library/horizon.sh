# shellcheck shell=bash
# Horizon's settings, which are Python code.

# _horizon_config_set FILE SECTION OPTION VALUE: set the option in the dictionary SECTION, or at top level
# if SECTION is empty; an old value is replaced. Without a source tree there is no local_settings.py, and Horizon
# reads a file of local_settings.d in its place.
_horizon_config_set() {
    local -
    set +x
    local file=$1 section=$2 option=$3 value=$4 line text='' found='' inside=''
    if [[ ! -e $file && $file == */openstack_dashboard/local/local_settings.py ]]; then
        file=${file%/*}/local_settings.d/_90_local_settings.py
        [[ -e $file ]] || : > "$file"
    fi
    while IFS= read -r line || [[ $line ]]; do
        if [[ ! $section ]]; then
            [[ $line != "$option"* ]] || continue
        elif [[ $line == "$section"* ]]; then
            inside=1 found=${found:-section}
        elif [[ $inside && $line == '}'* ]]; then
            [[ $found == option ]] || line="    '$option': $value,"$'\n'$line
            inside='' found=option
        elif [[ $inside && $line =~ ^(' '*)"'$option'"' '*: ]]; then
            line="${BASH_REMATCH[1]}'$option': $value," found=option
        fi
        text+=$line$'\n'
    done < "$file"
    if [[ ! $section ]]; then
        text+=$'\n'"$option=$value"$'\n'
    elif [[ ! $found ]]; then
        text+=$'\n\n'"$section = {"$'\n'"    '$option': $value,"$'\n}\n'
    fi
    echo -En "$text" > "$file"
}
