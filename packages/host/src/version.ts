/** The product's version: what `--version` prints and what other machines are told. */
import packageFile from "../package.json" with { type: "json" };

/** e.g. "0.2.0" */
export const version: string = packageFile.version;
