# Completion of docspeed for bash 4 and later; it needs nothing else.
#
#   eval "$(docspeed completion bash)"        in ~/.bashrc

# The words up to the cursor, put together again where COMP_WORDBREAKS took them apart.
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

# Files with one of the endings, and folders; every file where there are no endings.
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

# Values with their descriptions, as a list that is only looked at; so wide that it has one column.
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

    # Readline puts the answer in the place of $2 only, and knows of quotes by itself.
    replaced=${2#[=:]}
    [[ $current == *"$replaced" ]] && kept=${current%"$replaced"}
    kept=${kept//[\'\"]/}

    case $kind in
    files*)
        name=${current#[\'\"]}
        name=${name#"$prefix"}
        __docspeed_files "${name#[\'\"]}" ${kind#files}
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
