# Completion of `doit` in bash, to be sourced. Each TAB asks doitstack for the completions.

_doitstack_completion() {
    local line=${COMP_LINE:0:COMP_POINT} candidate break
    local -a words
    IFS=$' \t' read -ra words <<< "$line"
    [[ $line != *[[:space:]] ]] || words+=('')
    # If bash breaks a word in two, it needs the completions of the second part only.
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

# If doitstack has no completions, bash completes files.
complete -o bashdefault -o default -F _doitstack_completion doit
