import { expect, test } from "bun:test";
import type { Command } from "./command.ts";
import { manPage } from "./man-page.ts";

const command: Command = {
  name: "ns-x",
  summary: "do x",
  description:
    "It does x. 'Quoted' words and .dots at the beginning are text.\n\n.Second paragraph with a \\ backslash…",
  options: [{ name: "wait", short: "w", value: "N", summary: ".odd summary" }],
  args: [{ name: "file", summary: "a file", optional: true }],
  actions: [
    {
      name: "go",
      summary: "go there",
      args: [{ name: "where", summary: "a place", variadic: true }],
      options: [{ name: "fast", summary: "quickly" }],
    },
    { name: "secret", summary: "", hidden: true },
  ],
  examples: [[".x --wait 3", "an example"]],
  load: async () => ({ run: () => 0 }),
};

test("a man page has everything the help has, and no text is taken for a macro", () => {
  const page = manPage(command);
  for (const part of [
    ".Nm ns-x",
    ".Nd do x",
    ".Op Fl Fl wait Ar N",
    ".It Cm go Ar where ...",
    ".It Fl w , Fl Fl wait Ar N",
    ".It Ar where\na place\n.It Fl Fl fast\nquickly\n",
    ".Dl \\&.x --wait 3",
    "\\&.Second paragraph with a \\e backslash...",
  ]) {
    expect(page).toContain(part);
  }
  expect(page).not.toContain("secret");
  for (const line of page.split("\n")) {
    if (line.startsWith(".")) expect(line).toMatch(/^\.(Dd|Dt|Os|Sh|Nm|Nd|Op|Ar|Cm|Pp|Bl|It|El|Dl|Xr)\b/);
    expect(line).not.toStartWith("'");
  }
});
