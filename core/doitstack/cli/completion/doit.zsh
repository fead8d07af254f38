#compdef doit
# Completion of `doit` in zsh, to be sourced. What there is, doitstack says at each TAB.

_doitstack_completion() {
    local line word
    local -a lines whole open
    lines=(${(f)"$(@PYTHON@ -P -m doitstack complete "${(@Q)words[2,CURRENT-1]}" "$PREFIX" 2> /dev/null)"})
    for line in $lines; do
        # _describe wants WORD:ABOUT.
        word=${${line%%$'\t'*}//:/\\:}
        if [[ $word == *[:=] ]]; then
            open+=("$word:${line#*$'\t'}")
        else
            whole+=("$word:${line#*$'\t'}")
        fi
    done
    # Where there is nothing to say, a file may be meant.
    (( $#lines )) || { _files; return }
    _describe -t doit doit whole -- open -S ''
}

(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _doitstack_completion doit
