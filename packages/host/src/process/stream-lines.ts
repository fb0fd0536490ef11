/** Lines of a byte stream as text (UTF-8), without their newlines; memory is bounded: a line longer than `maxLength` characters is cut. */
export async function* streamLines(stream: AsyncIterable<Uint8Array>, maxLength = 4096): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  let cut = false;
  for await (const chunk of stream) {
    const parts = decoder.decode(chunk, { stream: true }).split("\n");
    const last = parts.pop() ?? "";
    for (const part of parts) {
      yield cut ? rest : (rest + part).slice(0, maxLength);
      [rest, cut] = ["", false];
    }
    if (!cut) rest += last;
    if (rest.length > maxLength) [rest, cut] = [rest.slice(0, maxLength), true];
  }
  if (rest !== "") yield rest;
}
