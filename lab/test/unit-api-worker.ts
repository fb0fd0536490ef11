/**
 * Fake of the API server in the unit's image at port 9090: checks a login against the account in /etc/config/rpcd, as rpcd does, and replies
 * with the recorded answers (test-data/contracts/controller-http.json). Logs each request to /var/log/lab-unit-api.jsonl.
 */
import { spawnSync } from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";
import { readExchanges } from "../services/controller/recording.ts";

const [login, ...calls] = readExchanges().find(({ unit_answers }) => unit_answers !== undefined)?.unit_answers ?? [];
const uci = (option: string): string =>
  spawnSync("uci", ["-q", "get", `rpcd.controller.${option}`], { encoding: "utf8" }).stdout.trim();

function isAccount({ username, password }: { username: string; password: string }): boolean {
  const hash = uci("password");
  const [, method = "", salt = ""] = hash.split("$");
  const argv = ["passwd", `-${method}`, "-salt", salt, "-stdin"];
  const made = spawnSync("openssl", argv, { encoding: "utf8", input: password }).stdout.trim();
  return username === uci("username") && made === hash;
}

const [certificate = "", key = ""] = process.argv.slice(2);
Bun.serve({
  port: 9090,
  hostname: "0.0.0.0",
  tls: { cert: readFileSync(certificate), key: readFileSync(key) },
  fetch: async (request) => {
    const { pathname } = new URL(request.url);
    const body = JSON.parse(await request.text());
    const headers = Object.fromEntries(request.headers);
    appendFileSync("/var/log/lab-unit-api.jsonl", `${JSON.stringify({ path: pathname, headers, body })}\n`);
    if (pathname === "/api/login")
      return isAccount(body)
        ? Response.json(login)
        : Response.json({ code: 401, message: "incorrect Username or Password" }, { status: 401 });
    if (headers["authorization"] !== "Bearer unit-token") return Response.json({ code: 401 }, { status: 401 });
    return Response.json(calls[body.path === "ns.controller" ? 0 : 1]);
  },
});
