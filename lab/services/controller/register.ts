/** `POST /units/register` (recorded: names beginning with "register"). Checks in order: token, form of the body, subscription, certificate. */
import { answer, type ApiRequest } from "./answers.ts";
import type { Controller } from "./controller.ts";
import { bind, decodeFirst, DecodeError, type Fields } from "./go-json.ts";
import { apiPort, logPort, vpnAddress } from "./vpn-addresses.ts";

const maxBodyBytes = 8192;
const shape = {
  unit_id: "string",
  username: "string",
  password: "string",
  unit_name: "string",
  version: "string",
  subscription_type: "string",
  system_id: "string",
} as const;
/** Required members → names of the fields in the decoder's error message. */
const required = { unit_id: "UnitId", username: "Username", password: "Password", unit_name: "UnitName" } as const;

export function register({ state, authority, now }: Controller, request: ApiRequest): Response {
  const { token, subscription, port, overrides } = state.read();
  const given = request.headers["registrationtoken"] ?? "";
  if (given === "") return answer(401, "registration token required", null, 403);
  if (given !== token) return answer(401, "invalid registration token", null, 403);
  let fields: Fields;
  try {
    fields = bind(decodeFirst(request.body, maxBodyBytes), "RegisterRequest", shape);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return answer(400, "request fields malformed", error.message);
  }
  const missing = Object.entries(required).filter(([name]) => fields[name] === "");
  if (missing.length > 0) {
    const complaint = ([, field]: readonly [string, string]): string =>
      `Key: 'RegisterRequest.${field}' Error:Field validation for '${field}' failed on the 'required' tag`;
    return answer(400, "request fields malformed", missing.map(complaint).join("\n"));
  }
  const text = (name: keyof typeof shape): string => String(fields[name]);
  if (subscription && text("subscription_type") === "") return answer(403, "unit subscription is required", "");
  if (!subscription && text("subscription_type") !== "")
    return answer(403, "unit with subscription is not allowed", "");
  const id = text("unit_id");
  if (!authority.has(id)) return answer(403, "unit not allowed, no certificate found", "");
  state.update((before) => {
    const known = before.credentials[id];
    // The user name of the first registration is kept; a new password is stored only together with that name.
    const same = known === undefined || known.username === text("username");
    const kept = same ? { username: text("username"), password: text("password") } : known;
    const registered = { ...kept, at: now(), version: text("version"), unitName: text("unit_name") };
    return { ...before, credentials: { ...before.credentials, [id]: registered } };
  });
  const { ca, cert, key } = authority.material(id);
  return answer(200, "unit registered successfully", {
    api_port: String(apiPort),
    ca,
    cert,
    host: "controller.nethsec.test",
    key,
    port: String(port),
    promtail_address: vpnAddress,
    promtail_port: String(logPort),
    vpn_address: vpnAddress,
    ...overrides,
  });
}
