/** Pages that are not reports: sign-in, not found, invalid request. Pure. */
import { html, type HtmlValue } from "./html.ts";
import type { Page } from "./page.ts";

export interface SignInView {
  readonly base: string;
  /** Redirect target after signing in: a path of this site. */
  readonly next: string;
  /** Error of the last try. */
  readonly problem?: string;
  /** Whether the connection is encrypted; the page warns when it is not. */
  readonly encrypted: boolean;
}

export function signInPage(view: SignInView): Page {
  return {
    title: "Sign in",
    crumbs: [],
    bare: true,
    body: html`<form class="sign-in" method="post" action="${view.base}/sign-in">
      <h1>Sign in</h1>
      ${view.problem !== undefined && html`<p class="notice error" role="alert">${view.problem}</p>`}
      ${!view.encrypted && html`<p class="notice warning">This connection is not encrypted: others on the network can read the password.</p>`}
      <input type="hidden" name="next" value="${view.next}" />
      <label
        >Password or token
        <input type="password" name="secret" required autocomplete="current-password" maxlength="1024" autofocus
      /></label>
      <button>Sign in</button>
      <p class="quiet">Set on the firewall by <code>ns-report password</code> or <code>ns-report token</code>.</p>
    </form>`,
  };
}

export function messagePage(title: string, text: HtmlValue, base: string): Page {
  return {
    title,
    crumbs: [],
    body: html`<section class="empty">
      <h1>${title}</h1>
      <p>${text}</p>
      <p><a href="${base}/">Go to the reports</a></p>
    </section>`,
  };
}
