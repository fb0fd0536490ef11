/**
 * What a client uploads, into a file that appears when all of it is here. Zeros are not written but skipped, so that a backup of gigabytes, made
 * of holes, fits on a node's small disk.
 */
import { closeSync, ftruncateSync, openSync, renameSync, rmSync, writeSync } from "node:fs";

const zeros = Buffer.alloc(1 << 20);

/** False when less arrived than was announced; then nothing is left. */
export async function receiveFile(request: Request, path: string): Promise<boolean> {
  const part = `${path}.part`;
  const file = openSync(part, "w", 0o600);
  let received = 0;
  try {
    for await (const chunk of request.body ?? []) {
      if (!zeros.subarray(0, chunk.byteLength).equals(chunk)) writeSync(file, chunk, 0, chunk.byteLength, received);
      received += chunk.byteLength;
    }
  } catch {
    // A connection that was cut: counted below.
  }
  ftruncateSync(file, received);
  closeSync(file);
  const announced = request.headers.get("content-length");
  if (announced !== null && Number(announced) !== received) {
    rmSync(part, { force: true });
    return false;
  }
  renameSync(part, path);
  return true;
}
