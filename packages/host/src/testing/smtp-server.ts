/** An SMTP server for tests with the real msmtp: takes mails, or refuses each recipient for now. */
import { createServer, type AddressInfo } from "node:net";

export interface SmtpServer extends Disposable {
  /** Mails that it accepted: recipients, and the text with its header. */
  readonly mails: { readonly to: readonly string[]; readonly text: string }[];
  /** False: it refuses each recipient for now (RFC 5321, 4.2.2: 451). */
  takesMail: boolean;
  /** Content of a `.msmtprc` for it, which must have mode 0600 (msmtp(1), CONFIGURATION FILES). */
  readonly msmtprc: string;
}

/** The part of RFC 5321 that a client needs: one mail after another. Listens on a free port of the loopback. */
export async function smtpServer(): Promise<SmtpServer> {
  const state = { mails: [] as { to: readonly string[]; text: string }[], takesMail: true };
  const server = createServer((socket) => {
    let to: string[] = [];
    let data: string[] | undefined;
    let rest = "";
    const say = (line: string): void => void socket.write(`${line}\r\n`);
    const heard = (line: string): void => {
      if (data !== undefined) {
        if (line !== ".") data.push(line);
        else {
          state.mails.push({ to, text: data.join("\n") });
          data = undefined;
          say("250 taken");
        }
        return;
      }
      const verb = line.slice(0, 4).toUpperCase();
      if (verb === "RCPT") {
        if (!state.takesMail) return say("451 not now");
        to.push(/<(.*)>/.exec(line)?.[1] ?? "");
      }
      if (verb === "MAIL") to = [];
      if (verb === "DATA") {
        data = [];
        return say("354 go on");
      }
      say(verb === "QUIT" ? "221 bye" : "250 ok");
      if (verb === "QUIT") socket.end();
    };
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk) => {
      const lines = (rest + chunk.toString()).split("\r\n");
      rest = lines.pop() ?? "";
      lines.forEach(heard);
    });
    say("220 test");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const msmtprc = `account default\nhost 127.0.0.1\nport ${port}\nfrom firewall@example.org\n`;
  return Object.assign(state, { msmtprc, [Symbol.dispose]: () => void server.close() });
}
