/** Increments `n.b.count` N times, each in its own transaction of the store. Arguments: ROOT N. */
import { localUciStore } from "../src/uci/local-store.ts";

const [root = "", times = "0"] = process.argv.slice(2);
const store = localUciStore(root);
for (let index = 0; index < Number(times); index += 1) {
  store.change((transaction) =>
    transaction.set("n", "b", "count", String((transaction.load("n").section("b")?.int("count", 0) ?? 0) + 1)),
  );
}
