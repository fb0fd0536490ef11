/**
 * Separates URL and credentials, as an HTTP request needs them; removes trailing slashes. Throws TypeError for an invalid URL.
 * A user or password with a `%` that begins no escape is taken as written: `new URL` accepts it.
 */
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
    basic: username === "" && password === "" ? undefined : { user: decoded(username), password: decoded(password) },
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
