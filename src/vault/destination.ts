import { BlockList, isIP } from "node:net";
import type { DestinationFacts } from "../export-control/facts.ts";

/** A place of ours: requests from its networks come from its country. */
export type Site = {
  readonly name: string;
  readonly country: string;
  readonly networks: readonly string[];
};

/**
 * Tells where a request comes from by the site whose network holds its address. An address in no site's network, or in the networks of
 * two sites in different countries, is unknown, which holds a release.
 */
export function destinations(sites: readonly Site[]): (address: string) => DestinationFacts {
  const known = sites.map((site) => ({ ...site, networks: networksOf(site) }));
  return (address) => {
    const plain =
      address.startsWith("::ffff:") && isIP(address.slice(7)) === 4 ? address.slice(7) : address;
    const family = isIP(plain);
    const holding =
      family === 0
        ? []
        : known.filter(({ networks }) => networks.check(plain, family === 4 ? "ipv4" : "ipv6"));
    const [site] = holding;
    const isClear = site !== undefined && holding.every(({ country }) => country === site.country);
    return isClear
      ? { country: site.country, basis: "site", site: site.name }
      : { country: null, basis: "unknown", site: null };
  };
}

/** The destination that a site of ours is; null where no site, or more than one in different countries, has the name. */
export function destinationNamed(
  sites: readonly Site[],
): (name: string) => DestinationFacts | null {
  return (name) => {
    const [site, ...others] = sites.filter((each) => each.name === name);
    const isClear = site !== undefined && others.every(({ country }) => country === site.country);
    return isClear ? { country: site.country, basis: "site", site: name } : null;
  };
}

function networksOf({ networks }: Site): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", prefix = ""] = network.split("/");
    list.addSubnet(address, Number(prefix), isIP(address) === 6 ? "ipv6" : "ipv4");
  }
  return list;
}
