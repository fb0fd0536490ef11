/** Generates the bash completion of all commands from the table; the script calls no program at run time. Pure. */
import type { Command } from "./command.ts";
import { isShown } from "./command-help.ts";
import { actionOf, type CommandPath, commonOptionsOf, topLevel } from "./command-path.ts";

/** For /etc/bash_completion.d. Commands complete their actions, values and options, then files. */
export function bashCompletion(commands: readonly Command[]): string {
  const shown = commands.filter(isShown);
  const cases = shown.flatMap((command) => pathCases(topLevel(command)));
  const names = shown.map((command) => command.name);
  return `# bash completion of nethsec and its commands; made by \`nethsec completion bash\`

_nethsec_words() {
  case "$1" in
    "") printf '%s\\n' ${names.join(" ")} ;;
${cases.map(([path, words]) => `    "${path}") printf '%s\\n' ${words.join(" ")} ;;`).join("\n")}
    *) return 1 ;;
  esac
}

_nethsec() {
  local current=\${COMP_WORDS[COMP_CWORD]} path=\${COMP_WORDS[0]##*/} index word
  [ "$path" = nethsec ] && path=""
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    case $word in -*) continue ;; esac
    _nethsec_words "\${path:+$path }$word" > /dev/null || break
    path="\${path:+$path }$word"
  done
  # The value of the option before it, where its values are known.
  word=\${COMP_WORDS[COMP_CWORD - 1]}
  case $word in
    -*) _nethsec_words "\${path:+$path }$word" > /dev/null && path="\${path:+$path }$word" ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$(_nethsec_words "$path")" -- "$current")
}

complete -o default -F _nethsec nethsec ${names.filter((name) => !builtin.has(name)).join(" ")}
`;
}

/** Called as \`nethsec NAME\` only: system commands have these names. */
const builtin = new Set(["help", "completion", "man"]);

function pathCases(path: CommandPath): [string, string[]][] {
  const { command } = path;
  const actions = (command.actions ?? []).filter(isShown);
  const options =
    command.raw === true ? [] : [...path.options, ...commonOptionsOf(command)].map(({ name }) => `--${name}`);
  const own: [string, string[]] = [
    path.names.join(" "),
    [
      ...actions.map(({ name }) => name),
      ...(command.args ?? []).flatMap(({ values = [] }) => values),
      ...options,
      ...(options.length + actions.length === 0 ? ["''"] : []),
    ],
  ];
  return [own, ...optionValues(path), ...actions.flatMap((action) => pathCases(actionOf(path, action)))];
}

/** "switch --to" and "switch -t" → the allowed values of the option. */
function optionValues({ names, options }: CommandPath): [string, string[]][] {
  return options.flatMap(({ name, short, values }): [string, string[]][] => {
    if (values === undefined) return [];
    const words = [`--${name}`, ...(short === undefined ? [] : [`-${short}`])];
    return words.map((word) => [[...names, word].join(" "), [...values]]);
  });
}
