/** A report as a mail: plain text for terminals, HTML for the rest (RFC 2046, multipart/alternative). Pure. */
import { sha256 } from "@nethsec/host/files/digests";

export interface ReportMail {
  readonly hostname: string;
  readonly to: readonly string[];
  /** undefined: the account's own. */
  readonly from: string | undefined;
  readonly subject: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly text: string;
  readonly html: string;
}

export function reportMessage({ hostname, to, from, subject, at, text, html }: ReportMail): string {
  const name = hostname.replaceAll(/[^A-Za-z0-9.-]/g, "-");
  const digest = sha256(JSON.stringify([hostname, subject, at, text])).slice(0, 32);
  const boundary = `=_${digest}`; // not base64, so that no part can contain it
  const part = (type: string, content: string): string[] => [
    `--${boundary}`,
    `Content-Type: ${type}; charset=utf-8`,
    "Content-Transfer-Encoding: base64",
    "",
    ...(Buffer.from(content)
      .toString("base64")
      .match(/.{1,76}/g) ?? []),
  ];
  return [
    ...(from === undefined ? [] : [`From: ${from}`]),
    `To: ${to.join(", ")}`,
    `Subject: ${encodedWords(`[${name}] ${subject}`)}`,
    // RFC 5322 wants a numeric zone, which "GMT" is not.
    `Date: ${new Date(at).toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${digest}@${name}>`,
    // RFC 3834: no automatic answers, please.
    "Auto-Submitted: auto-generated",
    "MIME-Version: 1.0",
    `Content-Type: multipart/alternative; boundary="${boundary}"`,
    "",
    ...part("text/plain", text),
    ...part("text/html", html),
    `--${boundary}--`,
    "",
  ].join("\n");
}

/** RFC 2047, for what is not ASCII; a word has at most 75 characters, so 39 bytes of text at the most. */
function encodedWords(text: string): string {
  if (/^[ -~]*$/.test(text)) return text;
  const words: string[] = [];
  for (const character of text) {
    const last = words.at(-1);
    if (last !== undefined && Buffer.byteLength(last + character) <= 39) words[words.length - 1] = last + character;
    else words.push(character);
  }
  return words.map((word) => `=?utf-8?B?${Buffer.from(word).toString("base64")}?=`).join("\n ");
}
