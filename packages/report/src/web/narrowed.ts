/** What a report is narrowed to, as text that can be removed part by part. Pure. */
import { labelOf } from "../query/labels.ts";
import type { Narrow } from "../query/narrow.ts";
import { twoDigits } from "../store/hour-key.ts";
import { html, type Html } from "./html.ts";

export function isNarrow(narrow: Narrow): boolean {
  return (
    narrow.client !== undefined || narrow.group !== undefined || narrow.hour !== undefined || narrow.value !== undefined
  );
}

export function nameOf(names: ReadonlyMap<string, string>, client: string): string {
  return names.get(client) ?? client;
}

/** The parts of the narrowing, each with a link that removes it; nothing when there is no narrowing. */
export function chips(
  { narrow, names }: { readonly narrow: Narrow; readonly names: ReadonlyMap<string, string> },
  urlOf: (rest: Narrow) => string,
): Html | false {
  const { client, group, hour, section, value } = narrow;
  const byClient = client === undefined ? {} : { client };
  const byGroup = group === undefined ? {} : { group };
  const byHour = hour === undefined ? {} : { hour };
  const byName = section === undefined || value === undefined ? {} : { section, value };
  const chip = (kind: string, text: string, rest: Narrow): Html =>
    html`<li>
      <span
        >${kind} <strong><bdi>${text}</bdi></strong></span
      ><a href="${urlOf(rest)}" aria-label="Show all again, without ${kind} ${text}">✕</a>
    </li>`;
  if (!isNarrow(narrow)) return false;
  return html`<ul class="chips" aria-label="Narrowed to">
    ${client !== undefined && chip("client", names.has(client) ? `${nameOf(names, client)} (${client})` : client, { ...byGroup, ...byName, ...byHour })}
    ${group !== undefined && chip("group", group.title, { ...byClient, ...byName, ...byHour })}
    ${section !== undefined && value !== undefined && chip(section, labelOf(section, value), { ...byClient, ...byGroup, ...byHour })}
    ${hour !== undefined && chip("hour", hourLabel(hour), { ...byName, ...byGroup, ...byClient })}
  </ul>`;
}

export function hourLabel(hour: number): string {
  return `${twoDigits(hour)}:00 to ${twoDigits((hour + 1) % 24)}:00`;
}
