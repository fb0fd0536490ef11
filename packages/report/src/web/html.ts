/**
 * HTML as values: a tagged template that escapes everything that is not itself `Html`. Pure.
 *
 * Invariant: text from the network (host names, client names, applications) reaches a page only through this module, so it can neither open a tag or
 * an attribute nor, by control or direction characters, change how the text around it reads.
 */

import { visibleText } from "@nethsec/host/command/visible-text";

/** Markup that is safe to send. Created by {@link html} only. */
export class Html {
  readonly markup: string;
  private constructor(markup: string) {
    this.markup = markup;
  }
  static fromTemplate(strings: TemplateStringsArray, values: readonly HtmlValue[]): Html {
    return new Html(strings.reduce((text, part, index) => text + part + render(values[index]), ""));
  }
}

/** undefined and false print nothing, so that parts can be left out by `condition && html…`. */
export type HtmlValue = string | number | Html | readonly HtmlValue[] | undefined | false;

/** `html\`<b>${name}</b>\``: values are escaped, also inside quoted attributes; attributes must be quoted. */
export function html(strings: TemplateStringsArray, ...values: HtmlValue[]): Html {
  return Html.fromTemplate(strings, values);
}

function render(value: HtmlValue): string {
  if (value === undefined || value === false) return "";
  if (value instanceof Html) return value.markup;
  if (typeof value === "string") return escapeHtml(value);
  if (typeof value === "number") return String(value);
  return value.map(render).join("");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Escapes text for element content and quoted attributes. Control characters, and those that turn or hide text (Unicode's
 * bidirectional controls, zero width characters, tag characters, lone surrogates), become U+FFFD.
 */
export function escapeHtml(text: string): string {
  return visibleText(text).replace(/[&<>"']/g, (character) => entities[character] ?? "");
}
