// Command ledger-check verifies copies of one ledger, in the order in which it grew, with the libraries that others built for
// transparency logs: golang.org/x/mod (sumdb/note and sumdb/tlog), transparency-dev's merkle and formats, and Tessera's client and fsck.
//
//	ledger-check <verification key> <folder or address>...
//
// It prints a line for each check that held and ends with 1 at the first that did not.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	formats "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "ledger-check <verification key> <folder or address>...")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, key string, places []string) error {
	verifier, err := formats.NewVerifier(key)
	if err != nil {
		return fmt.Errorf("the key: %w", err)
	}
	var copies []*ledger
	for _, place := range places {
		opened, err := open(ctx, place, verifier)
		if err != nil {
			return fmt.Errorf("%s: checkpoint: %w", place, err)
		}
		fmt.Printf("%d note formats\n", opened.size)
		copies = append(copies, opened)
	}
	checks := []struct {
		name  string
		check func(context.Context, *ledger) error
	}{
		{"tlog", checkTlog}, {"merkle", checkMerkle}, {"fsck", checkFsck},
	}
	for _, each := range copies {
		for _, one := range checks {
			if err := one.check(ctx, each); err != nil {
				return fmt.Errorf("%s: %s: %w", each.place, one.name, err)
			}
			fmt.Printf("%d %s\n", each.size, one.name)
		}
	}
	return growth(ctx, copies, verifier)
}

func growth(ctx context.Context, copies []*ledger, verifier note.Verifier) error {
	for at, newer := range copies {
		for _, older := range copies[:at] {
			err := errors.Join(growthTlog(older, newer), growthMerkle(ctx, older, newer))
			if err != nil {
				return fmt.Errorf("from %d to %d: %w", older.size, newer.size, err)
			}
			fmt.Printf("%d-%d grown\n", older.size, newer.size)
		}
	}
	return track(ctx, copies, verifier)
}
