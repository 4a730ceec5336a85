package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// checkTlog recomputes the root from the tiles, and makes and checks inclusion proofs, with golang.org/x/mod.
func checkTlog(ctx context.Context, l *ledger) error {
	reader, root := l.hashes()
	made, err := tlog.TreeHash(int64(l.size), reader)
	if err != nil {
		return err
	}
	if made != root {
		return errors.New("the tiles make another root")
	}
	for _, index := range l.samples() {
		entry, err := l.entry(ctx, index)
		if err != nil {
			return err
		}
		path, err := tlog.ProveRecord(int64(l.size), int64(index), reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(path, int64(l.size), root, int64(index), tlog.RecordHash(entry)); err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
	}
	return nil
}

// checkMerkle makes inclusion proofs with Tessera's client, and checks them with transparency-dev/merkle.
func checkMerkle(ctx context.Context, l *ledger) error {
	builder, err := client.NewProofBuilder(ctx, l.size, l.fetch.ReadTile)
	if err != nil {
		return err
	}
	for _, index := range l.samples() {
		entry, err := l.entry(ctx, index)
		if err != nil {
			return err
		}
		path, err := builder.InclusionProof(ctx, index)
		if err != nil {
			return err
		}
		leaf := rfc6962.DefaultHasher.HashLeaf(entry)
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, index, l.size, leaf, path, l.root); err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
	}
	return nil
}

// checkFsck recomputes every tile and the root from the entries.
func checkFsck(ctx context.Context, l *ledger) error {
	return fsck.New(l.verifier.Name(), l.verifier, l.fetch, leafHashes, fsck.Opts{N: 2}).Check(ctx)
}

func growthTlog(older, newer *ledger) error {
	reader, root := newer.hashes()
	path, err := tlog.ProveTree(int64(newer.size), int64(older.size), reader)
	if err != nil {
		return fmt.Errorf("tlog: %w", err)
	}
	if err := tlog.CheckTree(path, int64(newer.size), root, int64(older.size), tlog.Hash(older.root)); err != nil {
		return fmt.Errorf("tlog: %w", err)
	}
	return nil
}

func growthMerkle(ctx context.Context, older, newer *ledger) error {
	builder, err := client.NewProofBuilder(ctx, newer.size, newer.fetch.ReadTile)
	if err != nil {
		return fmt.Errorf("merkle: %w", err)
	}
	path, err := builder.ConsistencyProof(ctx, older.size, newer.size)
	if err != nil {
		return fmt.Errorf("merkle: %w", err)
	}
	if err := proof.VerifyConsistency(rfc6962.DefaultHasher, older.size, newer.size, path, older.root, newer.root); err != nil {
		return fmt.Errorf("merkle: %w", err)
	}
	return nil
}

// track follows the log from its first copy to its last, as a monitor built on Tessera's client does.
func track(ctx context.Context, copies []*ledger, verifier note.Verifier) error {
	current := copies[0]
	readTile := func(ctx context.Context, level, index uint64, width uint8) ([]byte, error) {
		return current.fetch.ReadTile(ctx, level, index, width)
	}
	consensus := func(context.Context, note.Verifier, string) (*log.Checkpoint, []byte, *note.Note, error) {
		return client.FetchCheckpoint(ctx, current.fetch.ReadCheckpoint, verifier, verifier.Name())
	}
	tracker, err := client.NewLogStateTracker(ctx, readTile, current.raw, verifier, verifier.Name(), consensus)
	if err != nil {
		return fmt.Errorf("tracker: %w", err)
	}
	for _, current = range copies[1:] {
		if _, _, _, err := tracker.Update(ctx); err != nil {
			return fmt.Errorf("tracker: %w", err)
		}
		if latest := tracker.Latest(); latest.Size != current.size || !bytes.Equal(latest.Hash, current.root) {
			return fmt.Errorf("tracker: it did not follow to %d", current.size)
		}
	}
	fmt.Println("tracked")
	return nil
}
