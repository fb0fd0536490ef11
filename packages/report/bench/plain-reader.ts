/** The plain reader as a separate program: `bun plain-reader.ts SOCKET` reads the flow stream of SOCKET until it ends. */
import { connect } from "node:net";
import { plainReader } from "./plain-reference.ts";

const socket = connect(process.argv[2] ?? "");
const read = plainReader();
for await (const chunk of socket) if (chunk instanceof Uint8Array) read(chunk);
