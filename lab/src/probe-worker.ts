/**
 * Probes services from a node's network namespace and prints one JSON line per answered or lost request. Started by probe.ts, ended by
 * a signal. Uses the host's file system, so that the node's disk and services cannot disturb the measurement.
 */
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { get } from "node:http";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { intervalMs, type Sample } from "./outage.ts";
import type { WorkerLine, WorkerOptions } from "./probe.ts";

// Written by probe.ts.
const options = JSON.parse(process.argv[2] ?? "{}") as WorkerOptions;
const now = (): number => performance.timeOrigin + performance.now();
const print = (line: WorkerLine): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const answer = (sample: Sample): void =>
  print({ service: sample.service, sent: sample.sent, ...(sample.got === undefined ? {} : { got: sample.got }) });

/** Request timeout: longer than outages that users do not notice, shorter than the retry intervals of the probed programs. */
const giveUpMs = 1000;

/** With an interval of 10 ms and a 4 ms kernel tick, ping(8) sends every 16 ms only; with 8 ms it keeps the interval. */
const pingSeconds = "0.008";

function ping(): void {
  const child = spawn("ping", ["-n", "-D", "-i", pingSeconds, options.to], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let lastSequence = 0;
  let lastTime = now();
  createInterface({ input: child.stdout }).on("line", (line) => {
    const match = /^\[(\d+\.\d+)\] \d+ bytes from .*icmp_seq=(\d+) .*time=([\d.]+) ms/.exec(line);
    if (match === null) return;
    const got = Number(match[1]) * 1000;
    // The sequence number has 16 bits.
    const ahead = (Number(match[2]) - lastSequence) & 0xffff;
    if (ahead === 0 || ahead > 0x8000) return;
    for (let missing = 1; missing < ahead; missing++)
      answer({ service: "ping", sent: lastTime + missing * ((got - lastTime) / ahead), got: undefined });
    answer({ service: "ping", sent: got - Number(match[3]), got });
    lastSequence = (lastSequence + ahead) & 0xffff;
    lastTime = got;
  });
  process.on("exit", () => child.kill());
}

/** TCP stream to the echo service: sends a line with a timestamp every 10 ms. Reports a broken stream and opens a new one. */
function stream(): void {
  let socket: Socket | undefined;
  let connected = false;
  const open = (): void => {
    const asked = now();
    connected = false;
    const made = connect({ host: options.web, port: 7, noDelay: true });
    socket = made;
    const giveUp = setTimeout(() => made.destroy(), 3 * giveUpMs);
    let wasConnected = false;
    made.on("connect", () => {
      clearTimeout(giveUp);
      connected = wasConnected = true;
    });
    createInterface({ input: made })
      .on("line", (line) => answer({ service: "tcp", sent: Number(line), got: now() }))
      .on("error", () => undefined);
    made.on("error", () => undefined);
    made.on("close", () => {
      clearTimeout(giveUp);
      if (wasConnected) print({ broken: now() });
      else answer({ service: "tcp", sent: asked, got: undefined });
      setTimeout(open, 50);
    });
  };
  open();
  setInterval(() => {
    if (connected && socket?.writable === true) socket.write(`${now()}\n`);
  }, intervalMs.tcp);
}

function dns(server: string): void {
  const socket = createSocket("udp4");
  const pending = new Map<number, number>();
  let id = 0;
  socket.on("error", () => undefined);
  socket.on("message", (message) => {
    const asked = message.readUInt16BE(0);
    const sent = pending.get(asked);
    const isAnswer = (message[3] ?? 0xff) % 16 === 0 && message.readUInt16BE(6) > 0;
    if (sent === undefined || !isAnswer) return;
    pending.delete(asked);
    answer({ service: "dns", sent, got: now() });
  });
  setInterval(() => {
    for (const [asked, sent] of pending) {
      if (now() - sent <= giveUpMs) break;
      pending.delete(asked);
      answer({ service: "dns", sent, got: undefined });
    }
    id = (id + 1) & 0xffff;
    pending.set(id, now());
    socket.send(question(id, options.name), 53, server, () => undefined);
  }, intervalMs.dns);
}

/** RFC 1035, section 4.1: one question, type A, class IN, recursion desired. */
function question(id: number, name: string): Buffer {
  const header = Buffer.from([id >> 8, id & 0xff, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const labels = name.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]);
  return Buffer.concat([header, Buffer.from([...labels, 0, 0, 1, 0, 1])]);
}

/** Requests pages, each over a new connection, at most 20 at once. */
function web(): void {
  let open = 0;
  setInterval(() => {
    if (open >= 20) return;
    open++;
    const sent = now();
    let got: number | undefined;
    const request = get({ host: options.web, path: "/", agent: false, timeout: giveUpMs }, (response) => {
      response.on("end", () => (got = response.statusCode === 200 ? now() : undefined));
      response.resume();
    });
    const deadline = setTimeout(() => request.destroy(), giveUpMs);
    request.on("error", () => undefined);
    request.on("close", () => {
      clearTimeout(deadline);
      open--;
      answer({ service: "http", sent, got });
    });
  }, intervalMs.http);
}

ping();
stream();
if (options.dns !== undefined) dns(options.dns);
web();
process.on("SIGTERM", () => process.exit(0));
