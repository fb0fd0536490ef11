/** The executable of these tests: `uci` as `nethsec` runs it, without the other commands, so that it is compiled in a moment. */
import { uciMain } from "../src/uci/main.ts";

process.exit(await uciMain(process.argv.slice(2)));
