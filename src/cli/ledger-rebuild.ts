import type { Command } from "commander";
import type { Rebuilt } from "../ledger/rebuild.ts";
import { mostTimestampNames } from "../ledger/source-timestamps.ts";
import { local } from "./command.ts";
import type { Context } from "./context.ts";
import { counted, entriesOf } from "./counted.ts";
import { demandedKey, pinnedMlDsaKey, withLedgerKey, withMlDsaKey } from "./ledger-key.ts";
import { sourceOf } from "./ledger-source.ts";
import { readCertificates } from "./ledger-timestamps.ts";
import { createOutput } from "./output.ts";

type RebuildOptions = {
  readonly json?: boolean;
  readonly from?: string;
  readonly ledgerKey?: string;
  readonly mlDsaKey?: string;
  readonly timestampCertificate?: string;
  readonly tokenFile?: string;
};

/** `ledger rebuild`: the ledger's tables from what was published, in the empty database that the server's settings name. */
export function rebuildCommand(ledger: Command, context: Context): void {
  const command = local(
    ledger,
    "rebuild",
    "make the ledger of an empty database anew from what was published",
  );
  withMlDsaKey(withLedgerKey(command))
    .option(
      "--from <folder-or-url>",
      "a folder in the layout of tlog-tiles, or the address of one; without it, the store that the server's settings name",
    )
    .option(
      "--timestamp-certificate <file>",
      "PEM of a time-stamping authority: bring back the timestamps alone that lead to it",
    )
    .option("--token-file <file>", "the token for that address")
    .action(async (options: RebuildOptions) => {
      const output = createOutput(context, options.json === true);
      const pinned = await demandedKey(context.env, options.ledgerKey);
      const mlDsaKey = await pinnedMlDsaKey(options.mlDsaKey, pinned.key);
      const { from, timestampCertificate: file } = options;
      const timestampCertificates = file === undefined ? null : await readCertificates(file);
      const source = from === undefined ? null : await sourceOf(from, context, options);
      const rebuilt = await context.rebuild({
        source,
        key: pinned.key,
        mlDsaKey,
        timestampCertificates,
      });
      output.result(rebuilt, () =>
        [
          `rebuilt: ${entriesOf(rebuilt.size)}, root ${rebuilt.rootHex}`,
          ...timestampLines(rebuilt.timestamps),
          `of the checkpoints from before, the newest and the stamped ones are kept: an auditor verifies the series with --rebuilt-at ${rebuilt.size}`,
          "this is the record, not the vault: persons, grants, licenses and wrapped keys come from a backup of the database alone",
        ].join("\n"),
      );
    });
}

/** What became of the timestamps; nothing where there were none. */
export function timestampLines({
  kept,
  refused,
  unvouched,
  unread,
  isCut,
  isUntold,
}: Rebuilt["timestamps"]): readonly string[] {
  const others = [
    [refused, "is not of this ledger and was", "are not of this ledger and were"],
    [
      unvouched,
      "is not vouched for by the certificate and was",
      "are not vouched for by the certificate and were",
    ],
    [unread, "could not be read and was", "could not be read and were"],
  ] as const;
  const left = others.filter(([count]) => count > 0);
  if (isUntold)
    return [
      "the address does not tell which timestamps there are, and none is kept: a vault's own /ledger/ tells an auditor's token (--token-file), its store and an exported folder tell anybody",
    ];
  if (kept + left.length === 0 && !isCut) return [];
  const told = left.map(
    ([count, one, many]) => `; ${counted(count, `more ${one}`, `more ${many}`)} left out`,
  );
  return [
    `${counted(kept, "timestamp is", "timestamps are")} kept${told.join("")}`,
    ...(isCut
      ? [
          `there are more than ${mostTimestampNames} names beside the ledger where its timestamps lie: the rest was not looked at and left out`,
        ]
      : []),
  ];
}
