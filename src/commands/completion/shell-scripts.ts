/** The shells with a script. */
export const shells = ['bash', 'zsh', 'fish', 'powershell'] as const

/** One of them. */
export type Shell = (typeof shells)[number]

/**
 * A script with which the shell completes the command line of `program`. It asks the program itself, which prints a line
 * for each possibility and last a directive: `:4` for no files, `:2` for no space behind.
 *
 * No script expands what it gets, since names of a cluster are free strings: `compgen -W`, which most scripts for bash use,
 * runs what stands in `$(…)`.
 */
export function shellScript(shell: Shell, program: string): string {
  return scripts[shell](program)
}

const scripts: Readonly<Record<Shell, (program: string) => string>> = { bash, zsh, fish, powershell }

/** For bash 3.2, which macOS has, and newer ones. It needs no bash-completion. */
function bash(program: string): string {
  return `# bash completion of ${program}
_${program}() {
  local line word directive=0 prefix= at=$COMP_CWORD
  COMPREPLY=()
  # Bash breaks words at = and :, and replaces only what stands behind the last of them.
  [[ "\${COMP_WORDS[at]}" =~ ^[=:]+$ ]] || at=$((at - 1))
  while [[ $at -gt 1 && "\${COMP_WORDS[at]}" =~ ^[=:]+$ ]]; do
    prefix="\${COMP_WORDS[at - 1]}\${COMP_WORDS[at]}$prefix"
    at=$((at - 2))
  done
  while IFS= read -r line; do
    if [[ "$line" == :* ]]; then
      directive="\${line#:}"
    else
      word="\${line%%$'\\t'*}"
      word="\${word#"$prefix"}"
      # Nothing is left of what stands there already.
      [[ -n "$word" ]] && COMPREPLY+=("$(printf %q "$word")")
    fi
  done < <("\${COMP_WORDS[0]}" __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  type compopt >/dev/null 2>&1 || return 0
  if [[ $((directive & 2)) -ne 0 ]]; then compopt -o nospace; fi
  if [[ $((directive & 4)) -ne 0 ]]; then compopt +o default; fi
} 2>/dev/null
complete -o default -F _${program} ${program}
`
}

/** To be sourced, or as a file in a folder of fpath. */
function zsh(program: string): string {
  return `#compdef ${program}
_${program}() {
  local line directive=0
  local -a found described space
  for line in "\${(@f)$("\${(Q)words[1]}" __complete "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ "$line" == :* ]]; then
      directive="\${line#:}"
    elif [[ -n "$line" ]]; then
      found+=("\${line%%$'\\t'*}")
      described+=("\${line/$'\\t'/  }")
    fi
  done
  if (( \${#found} == 0 )); then
    (( directive & 4 )) || _files
    return
  fi
  (( directive & 2 )) && space=(-S '')
  compadd -l "\${space[@]}" -d described -a found
}
if [[ "\${funcstack[1]}" == _${program} ]]; then
  _${program} "$@"
else
  compdef _${program} ${program}
fi
`
}

/** For fish 3 and newer ones. */
function fish(program: string): string {
  return `# fish completion of ${program}
function __${program}_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l directive 0
    for line in ($words[1] __complete --current="$current" -- $words[2..-1] 2>/dev/null)
        if string match -q ':*' -- $line
            set directive (string sub -s 2 -- $line)
        else
            printf '%s\\n' $line
        end
    end
    if test "$directive" = 0
        __fish_complete_path "$current"
    end
end
complete -c ${program} -e
complete -c ${program} -f -a '(__${program}_complete)'
`
}

/** For Windows PowerShell 5 and PowerShell 7. */
function powershell(program: string): string {
  return `# PowerShell completion of ${program}
Register-ArgumentCompleter -Native -CommandName '${program}' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $before = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.Extent.Text.Trim('"', "'") })
    $program = $before[0]
    $words = @($before | Select-Object -Skip 1)
    $lines = @(& $program __complete "--current=$wordToComplete" '--' @words 2>$null)
    $directive = 0
    foreach ($line in $lines) {
        if ($line.StartsWith(':')) {
            $directive = [int]$line.Substring(1)
            continue
        }
        $word, $description = $line -split "\`t", 2
        if (-not $description) { $description = $word }
        $text = $word
        if ($word -match '[^\\w@%+=:./-]') { $text = "'" + ($word -replace "'", "''") + "'" }
        [System.Management.Automation.CompletionResult]::new($text, $word, 'ParameterValue', $description)
    }
    # Without a result PowerShell would offer files.
    if ($directive -band 4) { '' }
}
`
}
