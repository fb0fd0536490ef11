/** "1 client", "12 clients". Pure. */
export function clientCount(count: number): string {
  return `${count} ${count === 1 ? "client" : "clients"}`;
}
