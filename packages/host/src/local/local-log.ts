/**
 * `Log` to syslog: sends the same message as `logger -t TAG -p daemon.LEVEL`, without starting it.
 *
 * Invariants: logging never blocks and never throws; memory is bounded by the queue; lost lines are counted and the count is logged; one call gives
 * one line, whose text cannot forge another line.
 */
import type { Level, Log } from "../host.ts";
import { type DatagramSocket, datagramSocket } from "./syslog-socket.ts";

const facilityDaemon = 3;
/** RFC 5424, section 6.2.1. */
const severities: Readonly<Record<Level, number>> = { debug: 7, info: 6, warning: 4, err: 3 };
const longestLine = 4000;
const queueLimit = 1000;
const firstDelayMs = 5;
const longestDelayMs = 1000;

/** `path`: the log's socket, "/dev/log" on all systems. */
export function localLog(tag: string, path = "/dev/log"): Log {
  return taggedLog(logQueue(path), tag);
}

function taggedLog(send: (line: string) => void, tag: string): Log {
  const log = (level: Level, text: string): void => send(syslogLine(level, tag, text, new Date()));
  return Object.assign(log, { tagged: (other: string) => taggedLog(send, other) });
}

/** RFC 3164 in the variant of local syslog sockets: `<priority>Mmm dd hh:mm:ss TAG: text`, local time, no host name. */
export function syslogLine(level: Level, tag: string, text: string, at: Date): string {
  const two = (value: number, fill: string): string => String(value).padStart(2, fill);
  const month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][at.getMonth()];
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map((value) => two(value, "0")).join(":");
  return `<${facilityDaemon * 8 + severities[level]}>${month} ${two(at.getDate(), " ")} ${time} ${cleanLine(tag).replaceAll(/[\s:[\]]/g, "_")}: ${cleanLine(text)}`;
}

/** Escapes control characters as \n, \t, \xNN; cuts at 4,000 characters, the last one then an ellipsis. */
export function cleanLine(text: string): string {
  const cut = text.length > longestLine ? `${text.slice(0, longestLine - 1)}…` : text;
  // Control characters are what this is about.
  return cut.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (character) => {
    if (character === "\n") return "\\n";
    if (character === "\t") return "\\t";
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}

/**
 * Sends in order. Lines that the log does not accept are queued (the newest 1,000) and retried. The queue does not keep the process alive; at exit a
 * busy log is retried for up to 200 ms.
 */
function logQueue(path: string): (line: string) => void {
  const queue: string[] = [];
  let socket: DatagramSocket | undefined;
  let timer: Timer | undefined;
  let delayMs = firstDelayMs;
  let lost = 0;

  /** Sends the queue; true when the log is busy, so that a retry may soon succeed. */
  const send = (): boolean => {
    socket ??= datagramSocket(path);
    if (lost > 0) {
      queue.splice(
        0,
        1,
        syslogLine("warning", "nethsec", `${lost + 1} lines were lost here: the log did not take them`, new Date()),
      );
    }
    let outcome: ReturnType<DatagramSocket["send"]> = "sent";
    let sent = 0;
    for (const line of queue) {
      outcome = socket.send(Buffer.from(line));
      if (outcome !== "sent") break;
      sent += 1;
    }
    queue.splice(0, sent);
    if (sent > 0) lost = 0;
    delayMs = sent > 0 ? firstDelayMs : Math.min(2 * delayMs, longestDelayMs);
    return outcome === "busy";
  };
  const flush = (): void => {
    timer = undefined;
    send();
    if (queue.length === 0) return;
    timer = setTimeout(flush, delayMs);
    timer.unref();
  };
  const drain = (): void => {
    const deadline = performance.now() + 200;
    while (queue.length > 0 && send() && performance.now() < deadline) Bun.sleepSync(1);
  };

  return (line) => {
    queue.push(line);
    if (queue.length > queueLimit) {
      queue.shift();
      lost += 1;
    }
    if (timer === undefined) flush();
    if (queue.length > 0 && !process.listeners("exit").includes(drain)) process.on("exit", drain);
  };
}
