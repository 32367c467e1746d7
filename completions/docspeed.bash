# Completion of docspeed for bash 4 and later; the bash-completion package is not needed.
#
#   eval "$(docspeed completion bash)"        in ~/.bashrc

# Set `words` to the words up to the cursor, joining what COMP_WORDBREAKS has split at characters such as =.
__docspeed_words() {
    local rest=$COMP_LINE gap word at i
    words=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        gap=${rest%%[![:blank:]]*}
        rest=${rest#"$gap"}
        if ((i == COMP_CWORD)); then
            at=$((${#COMP_LINE} - ${#rest}))
            word=${word:0:COMP_POINT > at ? COMP_POINT - at : 0}
        fi
        if [[ $i == 0 || -n $gap ]]; then
            words+=("$word")
        else
            words[${#words[@]} - 1]+=$word
        fi
        rest=${rest#"$word"}
    done
}

# Set `found` to the folders and the files with one of the endings; without endings, to all files.
__docspeed_files() {
    local path=$1 ending name
    shift
    compopt -o filenames 2>/dev/null
    if (($# == 0)); then
        mapfile -t found <<<"$(compgen -f -- "$path")"
        return
    fi
    mapfile -t found <<<"$(compgen -d -- "$path")"
    while IFS= read -r name; do
        for ending; do
            [[ ${name,,} == *"$ending" ]] && found+=("$name")
        done
    done <<<"$(compgen -f -- "$path")"
}

# Fill COMPREPLY with values and descriptions for a list on the screen; lines this wide get one column.
__docspeed_listed() {
    local line width=0 text half=$((${COLUMNS:-80} / 2))
    for line in "${answer[@]:2}"; do
        text=${line%%$'\t'*}
        ((${#text} > width)) && width=${#text}
    done
    for line in "${answer[@]:2}"; do
        printf -v text "%-${width}s  %s" "${line%%$'\t'*}" "${line#*$'\t'}"
        printf -v text "%-${half}s" "${text:0:2 * half - 4}"
        COMPREPLY+=("$text")
    done
}

_docspeed() {
    COMPREPLY=()
    ((BASH_VERSINFO[0] >= 4)) || return 0
    local IFS=$' \t\n' program current replaced kept='' prefix kind name
    local -a words answer found=()
    __docspeed_words
    current=${words[${#words[@]} - 1]/#\\@/@}
    program=${words[0]/#\~\//$HOME/}
    type -P -- "$program" >/dev/null || program=docspeed
    mapfile -t answer <<<"$(
        _DOCSPEED_COMPLETE=bash command "$program" \
            $((${#words[@]} - 1)) "${words[@]:1:${#words[@]}-2}" "${current#[\'\"]}" 2>/dev/null
    )"
    kind=${answer[0]-} prefix=${answer[1]-}

    # Readline replaces only $2, and handles quotes itself: leave out what stands before $2.
    replaced=${2#[=:]}
    [[ $current == *"$replaced" ]] && kept=${current%"$replaced"}
    kept=${kept//[\'\"]/}

    case $kind in
    files*)
        name=${current#[\'\"]}
        name=${name#"$prefix"}
        __docspeed_files "${name#[\'\"]}" ${kind#files}
        for name in "${answer[@]:2}"; do
            found+=("${name%%$'\t'*}")
        done
        ;;
    none)
        compopt -o nosort 2>/dev/null
        if ((${#answer[@]} > 3)) && [[ ${COMP_TYPE-} == 33 || ${COMP_TYPE-} == 63 || ${COMP_TYPE-} == 64 ]]; then
            __docspeed_listed
            return 0
        fi
        for name in "${answer[@]:2}"; do
            name=${name%%$'\t'*}
            [[ $current == [\'\"]* ]] || printf -v name %q "$name"
            found+=("$name")
        done
        ;;
    esac
    for name in ${found[@]+"${found[@]}"}; do
        [[ -n $name ]] || continue
        name=$prefix$name
        COMPREPLY+=("${name#"$kept"}")
    done
    return 0
}

complete -F _docspeed docspeed
