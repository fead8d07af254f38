# Completion of `doit` in bash, to be sourced. What there is, doitstack says at each TAB.

_doitstack_completion() {
    local line=${COMP_LINE:0:COMP_POINT} candidate break
    local -a words
    IFS=$' \t' read -ra words <<< "$line"
    [[ $line != *[[:space:]] ]] || words+=('')
    # Where bash breaks a word in two, it wants to be told of the second part alone.
    break=${COMP_WORDBREAKS//[^:=]/}
    [[ ! $break ]] || break=${words[-1]%"${words[-1]##*["$break"]}"}
    COMPREPLY=()
    while IFS=$'\t' read -r candidate _; do
        COMPREPLY+=("${candidate#"$break"}")
    done < <(@PYTHON@ -P -m doitstack complete "${words[@]:1}" 2> /dev/null)
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[:=] ]]; then
        compopt -o nospace
    fi
}

# Where there is nothing to say, a file may be meant.
complete -o bashdefault -o default -F _doitstack_completion doit
