import type { Request } from "express";
import type { Services } from "./route.ts";

/**
 * Where the answer to a request will be received. A proxy that is not one of ours may stand between (it says so in a header), and then the
 * address of the connection is the proxy's and tells nothing: unknown, which holds a release.
 */
export function originOf(req: Request, { destinationOf }: Services) {
  const isTrusted = req.app.get("trust proxy fn") as (address: string, hop: number) => boolean;
  const isForwarded = "x-forwarded-for" in req.headers || "forwarded" in req.headers;
  const peer = req.socket.remoteAddress ?? "";
  const isKnown = !isForwarded || ("x-forwarded-for" in req.headers && isTrusted(peer, 0));
  return destinationOf(isKnown ? (req.ip ?? "") : "");
}
