/** The lab's subscription portal and backup storage, as a server that misbehaves on demand. */
import { readFault, serve } from "../https-server.ts";
import { isUpload, portalAnswers } from "./portal-answers.ts";
import { PortalStore } from "./portal-store.ts";

const dir = "/etc/lab/portal";
const faultPath = `${dir}/fault`;

function sendFile(file: Blob): Response {
  const fault = readFault(faultPath);
  return fault === "cut" || fault === "stall" ? endInTheMiddle(file, fault) : new Response(file);
}

/** Sends half of the file, then closes the connection ("cut") or sends nothing more ("stall"). */
function endInTheMiddle(file: Blob, how: "cut" | "stall"): Response {
  const half = file.slice(0, Math.floor(file.size / 2)).stream();
  const reader = half.getReader();
  const body = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const part = await reader.read();
      if (!part.done) controller.enqueue(part.value);
      else if (how === "cut") controller.error(new Error("cut"));
      else await new Promise<never>(() => undefined);
    },
  });
  return new Response(body, { headers: { "Content-Length": String(file.size) } });
}

serve({ faultPath, streams: isUpload, handle: portalAnswers(new PortalStore(dir), sendFile) });
