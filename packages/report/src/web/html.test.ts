import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { escapeHtml, html } from "./html.ts";

describe("html", () => {
  test("escapes values and keeps nested markup", () => {
    const name = `<script>alert("1")</script>'&`;
    expect(html`<p title="${name}">${html`<b>${name}</b>`}</p>`.markup).toBe(
      `<p title="&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;"><b>&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;</b></p>`,
    );
  });

  test("leaves out undefined and false, joins lists, prints numbers", () => {
    expect(html`${undefined}${false}${[1, html`<i></i>`, "<"]}${0}`.markup).toBe("1<i></i>&lt;0");
  });

  test("makes direction and control characters visible", () => {
    expect(escapeHtml("a\u202egpj.exe\u0000\u200bb")).toBe("a\ufffdgpj.exe\ufffd\ufffdb");
    expect(escapeHtml("\ud800x")).toBe("\ufffdx");
    expect(escapeHtml("naïve 日本 👋")).toBe("naïve 日本 👋");
  });

  test("no text can leave the place it was put in", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
        expect(escapeHtml(text)).not.toMatch(/[<>"']|&(?!(amp|lt|gt|quot|#39);)/);
      }),
    );
  });
});
