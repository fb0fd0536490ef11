/**
 * Stores an upload; the file appears only when the upload is complete. Chunks of zeros become holes (sparse file), so that a test backup of
 * gigabytes fits on a node's small disk.
 */
import { closeSync, ftruncateSync, openSync, renameSync, rmSync, writeSync } from "node:fs";

const zeros = Buffer.alloc(1 << 20);

/** Returns false, and leaves no file, when the body is shorter than announced. */
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
    // The connection was cut: detected by the size check below.
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
