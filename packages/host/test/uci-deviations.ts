/** The steps of the examples whose output differs from the original's, with our output and the reason. Every entry must still differ. */
export interface Deviation {
  readonly example: string;
  /** Beginning of the step's command. */
  readonly command: string;
  readonly ours: string;
  readonly reason: string;
}

const refused = "what every later load would ignore is refused";
const quoted = "a type that needs quotes is written with quotes, and reads back";
const buffer = "an error message says what happened now, not what happened before";

export const deviations: readonly Deviation[] = [
  {
    example: "6.3 add `P TYPE` (1)",
    command: "printf 'config s a\\n' > c/n; u add n rule; u add n 'bad type'",
    ours: "cfg0292bd\nuci: Invalid argument\n+n.cfg0292bd='rule'\nn.a=s\nn.@rule[0]=rule",
    reason: refused,
  },
  {
    example: "6.6 rename `P.S=NAME`, `P.S.O=NAME` (1)",
    command: "u rename n.b='not valid'; u show n.b",
    ours: "uci: Invalid argument\nn.b=s\nn.a='c'\nn.c.o='q'\n@n.c.o='q'",
    reason: refused,
  },
  {
    example: "6.8 changes, revert, commit (1)",
    command: "u set n.a.x=5; u rename n.a='b b'; u revert n",
    ours: "uci: Invalid argument",
    reason: `${refused}, and so it cannot block revert either`,
  },
  {
    example: "6.8 changes, revert, commit (1)",
    command: "u commit; cat /tmp/.uci/n; u get n.a.x",
    ours: "1",
    reason: "the step before reverted",
  },
  {
    example: "10. batch (2)",
    command: "printf 'config s a\\n' > c/n; printf 'get n.q",
    ours: "uci: Entry not found$\nuci: Entry not found$\nuci: Entry not found$",
    reason: buffer,
  },
  {
    example: "10. batch (2)",
    command: "printf 'get n.a.b-c",
    ours: "uci: Parse error (unknown) at line 1, byte 0$\nuci: Entry not found$",
    reason: buffer,
  },
  {
    example: "11. Files, locks, modes, atomicity (1)",
    command: "chown 1000:1000 c/n; ln c/n hard",
    ours: "1000:1000 links 1\n0\n[1]",
    reason: "a commit keeps owner and group",
  },
  {
    example: "13. Defects of the original — decide, don't copy blindly (1)",
    command: 'printf \'config "a#b" x',
    ours: "\nconfig 'a#b' 'x'\n\toption o '2'\n\nconfig q 'y'\n\nn.x=a#b\nn.x.o='2'\nn.y=q",
    reason: quoted,
  },
  {
    example: "13. Defects of the original — decide, don't copy blindly (1)",
    command: "printf 'config \"it'\"'\"'s\" x",
    ours: "m.x=it's\nm.x.o='2'",
    reason: quoted,
  },
  {
    example: "13. Defects of the original — decide, don't copy blindly (1)",
    command: "rm -r c/m; printf 'config s a\\n' > c/n; u set n.@s[9]=zz",
    ours: "uci: Invalid argument\nuci: Invalid argument\nn.a=s",
    reason: refused,
  },
];
