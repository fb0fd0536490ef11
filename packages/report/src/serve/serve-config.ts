/** The part of `/etc/config/ns-report` that `ns-report serve` uses. Rejects unsafe settings before anything is opened. */
import type { Files } from "@nethsec/host/host";
import type { ListenAddress } from "@nethsec/host/http/http-server";
import { NethsecError } from "@nethsec/host/error";
import type { UciStore } from "@nethsec/host/uci-store";
import type { Credentials } from "../auth/access-control.ts";
import { isLoopback } from "../auth/host-guard.ts";
import { isPasswordHash, isTokenHash } from "../auth/password-hash.ts";

export interface ServeConfig {
  readonly listen: ListenAddress;
  /** undefined: every client that can connect may read. */
  readonly credentials: Credentials | undefined;
  /** Names of this server besides localhost, as sent by a proxy in `Host`. */
  readonly hosts: readonly string[];
  /** Path prefix of every address, without a slash at its end. */
  readonly base: string;
}

const defaultPort = 8098;
/** Mode of the UNIX socket: for its owner and group, e.g. the web server's, which must then authenticate users itself. */
const socketMode = 0o660;

/** Throws `bad_config` and `no_credentials`; their advice names the command to run. */
export function serveConfig(uci: Pick<UciStore, "read">, files: Pick<Files, "readText" | "real">): ServeConfig {
  const section = uci.read("ns-report").section("config");
  const option = (name: string): string | undefined => section?.get(name);
  const socket = option("socket");
  const address = option("listen") ?? "127.0.0.1";
  const credentials = credentialsOf(option("password_hash"), section?.list("token_hash") ?? []);
  const base = (option("base") ?? "").replace(/\/+$/, "");
  if (base !== "" && !/^(\/[A-Za-z0-9._~-]+)+$/.test(base)) throw bad("base", base, "a path such as /reports");
  const always = mustSignIn(option("sign_in"));
  const common = { hosts: section?.list("host") ?? [], base };
  if (socket !== undefined) {
    if (!socket.startsWith("/") || socket.length > 100)
      throw bad("socket", socket, "an absolute path of at most 100 characters");
    if (always && credentials === undefined) throw noCredentials(socket);
    return {
      ...common,
      credentials: always ? credentials : undefined,
      listen: { kind: "unix", path: files.real(socket), mode: socketMode },
    };
  }
  if (!/^[0-9a-fA-F:.]+$/.test(address)) throw bad("listen", address, "an IP address of this firewall");
  if (credentials === undefined && (always || !isLoopback(address))) throw noCredentials(address);
  return {
    ...common,
    credentials,
    listen: { kind: "tcp", address, port: portOf(option("port")), ...tlsOf(option("cert"), option("key"), files) },
  };
}

/** "always": every request needs a sign-in, whatever the address; else only when there is a password or a token. */
function mustSignIn(value = "auto"): boolean {
  if (value !== "auto" && value !== "always") throw bad("sign_in", value, "auto or always");
  return value === "always";
}

function credentialsOf(passwordHash: string | undefined, tokenHashes: readonly string[]): Credentials | undefined {
  if (passwordHash !== undefined && !isPasswordHash(passwordHash))
    throw bad("password_hash", "(hidden)", "what `ns-report password` writes");
  if (!tokenHashes.every(isTokenHash)) throw bad("token_hash", "(hidden)", "what `ns-report token` writes");
  return passwordHash === undefined && tokenHashes.length === 0 ? undefined : { passwordHash, tokenHashes };
}

function portOf(text: string | undefined): number {
  if (text === undefined) return defaultPort;
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw bad("port", text, "a number from 0 to 65535");
  return port;
}

function tlsOf(
  cert: string | undefined,
  key: string | undefined,
  files: Pick<Files, "readText">,
): { tls?: { certificate: string; key: string } } {
  if (cert === undefined && key === undefined) return {};
  const certificate = cert === undefined ? undefined : files.readText(cert);
  const keyText = key === undefined ? undefined : files.readText(key);
  if (certificate === undefined || keyText === undefined) {
    throw bad(
      certificate === undefined ? "cert" : "key",
      (certificate === undefined ? cert : key) ?? "",
      "a PEM file that exists; cert and key go together",
    );
  }
  return { tls: { certificate, key: keyText } };
}

function bad(option: string, value: string, wanted: string): NethsecError {
  return new NethsecError({
    code: "bad_config",
    message: `ns-report.config.${option} is ${JSON.stringify(value)}, which is not ${wanted}.`,
    advice: `Correct it: uci set ns-report.config.${option}=…; uci commit ns-report`,
  });
}

function noCredentials(address: string): NethsecError {
  return new NethsecError({
    code: "no_credentials",
    message: `ns-report does not listen on ${address} without a password or a token: the reports tell who uses what.`,
    advice:
      isLoopback(address) || address.startsWith("/")
        ? "Set one by `ns-report password` or `ns-report token`, or let every local user read (uci delete ns-report.config.sign_in; uci commit ns-report)."
        : "Set one by `ns-report password` or `ns-report token`, or listen on 127.0.0.1 (uci delete ns-report.config.listen; uci commit ns-report).",
  });
}
