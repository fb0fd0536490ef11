/** The decimal number at the start of a text, as C reads it: blanks, a sign, digits; what follows does not matter. */
export function decimalPrefix(text: string): number | undefined {
  const match = /^[\t-\r ]*([+-]?[0-9]+)/.exec(text);
  return match?.[1] === undefined ? undefined : Number.parseInt(match[1], 10);
}
