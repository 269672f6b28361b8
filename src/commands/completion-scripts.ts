export type Shell = 'bash' | 'zsh' | 'fish'

// bash parts words at colons, too: it is given what follows the last one. Where stillroom knows nothing, files are named.
const BASH = `_stillroom() {
	local line=\${COMP_LINE:0:COMP_POINT} words=() found current
	read -r -a words <<<"$line"
	case $line in *[[:space:]]) words+=('') ;; esac
	current=\${words[-1]}
	COMPREPLY=()
	while IFS= read -r found; do
		case $current in *:*) found=\${found#"\${current%"\${current##*:}"}"} ;; esac
		COMPREPLY+=("$found")
	done < <("\${words[0]}" complete -- "\${words[@]:1}" 2>/dev/null)
}
complete -o default -F _stillroom stillroom
`

const ZSH = `_stillroom() {
	local -a found
	found=("\${(@f)$("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
	if [[ -n "\${found[1]}" ]]; then compadd -a found; else _files; fi
}
if ! whence compdef >/dev/null; then autoload -Uz compinit && compinit; fi
compdef _stillroom stillroom
`

const FISH = `function __stillroom_complete
    set -l words (commandline --tokenize-raw --cut-at-cursor 2>/dev/null; or commandline --tokenize --cut-at-cursor)
    set -l current (commandline --current-token --cut-at-cursor)
    $words[1] complete -- $words[2..-1] "$current" 2>/dev/null
end
function __stillroom_knows
    set -g __stillroom_found (__stillroom_complete)
    test (count $__stillroom_found) -gt 0
end
complete --command stillroom --no-files --condition __stillroom_knows --arguments '$__stillroom_found'
`

/** What each shell is to read. */
export const COMPLETION_SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH }
