/** The product's version: printed by `--version` and sent to other machines. */
import packageFile from "../package.json" with { type: "json" };

/** e.g. "0.2.0" */
export const version: string = packageFile.version;
