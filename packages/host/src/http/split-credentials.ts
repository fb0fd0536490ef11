/** Separates URL and credentials, as an HTTP request needs them; removes trailing slashes. Throws TypeError for an invalid URL. */
export function splitCredentials(url: string): {
  readonly url: string;
  readonly basic: { readonly user: string; readonly password: string } | undefined;
} {
  const parsed = new URL(url);
  const { username, password } = parsed;
  parsed.username = "";
  parsed.password = "";
  const bare = parsed.href.replace(/\/+$/, "");
  return {
    url: bare,
    basic:
      username === "" && password === ""
        ? undefined
        : { user: decodeURIComponent(username), password: decodeURIComponent(password) },
  };
}
