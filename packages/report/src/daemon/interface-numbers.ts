/** Small numbers for interface names, in order of appearance; stored in the checkpoint with the flows. Pure. */
const maxInterfaces = 4096;

export class InterfaceNumbers {
  readonly names: string[] = [];
  readonly #numbers = new Map<string, number>();

  /** Names beyond a limit that no real machine reaches share one number. */
  readonly of = (name: string): number => {
    let number = this.#numbers.get(name);
    if (number === undefined) {
      if (this.names.length >= maxInterfaces) return maxInterfaces;
      number = this.names.length;
      this.names.push(name);
      this.#numbers.set(name, number);
    }
    return number;
  };
}
