# shellcheck shell=bash
# The dashboard's settings, which are Python.

# _horizon_config_set FILE SECTION OPTION VALUE: in the dictionary SECTION, or without one at
# top level, in place of what is there
_horizon_config_set() {
    local -
    set +x
    local file=$1 section=$2 option=$3 value=$4 line text='' found='' inside=''
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
