/** Commits as libuci does: continues with the content it read before it waited for the lock. Arguments: FILE LINE. */
import { openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { lockFile } from "../src/files/flock.ts";

const [path = "", line = ""] = process.argv.slice(2);
const fd = openSync(path, "r+");
lockFile(fd, "exclusive", { timeoutMs: "forever", what: path });
writeFileSync(`${path}.tmp`, `${readFileSync(fd, "latin1")}${line}\n`);
renameSync(`${path}.tmp`, path);
