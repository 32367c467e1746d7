# Completion of docspeed for fish.
#
#   docspeed completion fish > ~/.config/fish/completions/docspeed.fish

function __docspeed_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program (string replace -r '^~/' "$HOME/" -- $words[1])
    command -q $program; or set program docspeed
    set -l plain (string unescape -- $current; or string replace -r '^["\']' '' -- $current)

    set -l answer (begin
        set -lx _DOCSPEED_COMPLETE fish
        command $program (count $words) $words[2..-1] "$plain" 2>/dev/null
    end)
    set -l kind (string split ' ' -- $answer[1])
    set -l prefix "$answer[2]"

    for line in $answer[3..-1]
        printf '%s%s\n' $prefix $line
    end

    if test "$kind[1]" = files
        set -l path (string sub -s (math (string length -- $prefix) + 1) -- $current)
        set -l found (complete -C "'' $path")
        if set -q kind[2]
            set -l endings (string join '|' (string escape --style=regex -- $kind[2..-1]))
            set found (string match -ri -- "^[^\t]*(?:/|$endings)(?:\t.*)?\$" $found)
        end
        for line in $found
            printf '%s%s\n' $prefix $line
        end
    end
end

# Fish may have generated completions from the manual page: load them now, so that they can be removed.
complete -C 'docspeed ' >/dev/null 2>&1
complete -c docspeed -e
complete -c docspeed -f -k -a '(__docspeed_complete)'
