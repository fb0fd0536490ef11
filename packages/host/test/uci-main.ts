/** The executable of these tests: `uci` as in `nethsec`, without the other commands, so that it compiles quickly. */
import { uciMain } from "../src/uci/main.ts";

process.exit(await uciMain(process.argv.slice(2)));
