package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/transparency-dev/formats/log"
	formats "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/tessera/client"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// fetcher is what Tessera's own tools read a log with, from a folder or over HTTP.
type fetcher interface {
	ReadCheckpoint(ctx context.Context) ([]byte, error)
	ReadTile(ctx context.Context, level, index uint64, width uint8) ([]byte, error)
	ReadEntryBundle(ctx context.Context, index uint64, width uint8) ([]byte, error)
}

// ledger is one copy of a log in a folder, or a log at an address, with a checkpoint that both note and formats have opened.
type ledger struct {
	place    string
	read     func(path string) ([]byte, error)
	fetch    fetcher
	verifier note.Verifier
	size     uint64
	root     []byte
	raw      []byte
}

// authorization is the header that a log at an address is asked with.
var authorization = os.Getenv("LEDGER_AUTHORIZATION")

func fetchFrom(place string) (fetcher, func(path string) ([]byte, error), error) {
	if !strings.HasPrefix(place, "http://") {
		read := func(path string) ([]byte, error) { return os.ReadFile(filepath.Join(place, path)) }
		return client.FileFetcher{Root: place}, read, nil
	}
	root, err := url.Parse(place)
	if err != nil {
		return nil, nil, err
	}
	fetch, err := client.NewHTTPFetcher(root, nil)
	if err != nil {
		return nil, nil, err
	}
	fetch.SetAuthorizationHeader(authorization)
	return fetch, func(path string) ([]byte, error) { return get(place + path) }, nil
}

func get(address string) ([]byte, error) {
	request, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", authorization)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", address, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

func open(ctx context.Context, place string, verifier note.Verifier) (*ledger, error) {
	fetch, read, err := fetchFrom(place)
	if err != nil {
		return nil, err
	}
	raw, err := fetch.ReadCheckpoint(ctx)
	if err != nil {
		return nil, err
	}
	verifiers := []note.Verifier{verifier}
	if key := os.Getenv("LEDGER_ML_DSA_KEY"); key != "" {
		own, err := formats.NewVerifierForCosignatureV1(key)
		if err != nil {
			return nil, fmt.Errorf("the ML-DSA-44 key: %w", err)
		}
		// Who does not know the key reads the note all the same.
		if alone, err := note.Open(raw, note.VerifierList(verifier)); err != nil || len(alone.UnverifiedSigs) != 1 {
			return nil, errors.New("it is not read under its first key alone")
		}
		verifiers = append(verifiers, own)
	}
	opened, err := note.Open(raw, note.VerifierList(verifiers...))
	if err != nil {
		return nil, err
	}
	if len(opened.Sigs) != len(verifiers) || len(opened.UnverifiedSigs) != 0 {
		return nil, errors.New("it has other signatures than those of its keys")
	}
	parsed, rest, _, err := log.ParseCheckpoint(raw, verifier.Name(), verifier)
	if err != nil {
		return nil, err
	}
	if len(rest) != 0 {
		return nil, fmt.Errorf("it has %d bytes after its root", len(rest))
	}
	return &ledger{place, read, fetch, verifier, parsed.Size, parsed.Hash, raw}, nil
}

// samples are places at both ends of the log and around the edges of tiles.
func (l *ledger) samples() []uint64 {
	var found []uint64
	for _, at := range []uint64{0, 1, 254, 255, 256, 257, 511, 512, 65535, 65536, l.size / 3, l.size / 2, l.size - 2, l.size - 1} {
		if at < l.size {
			found = append(found, at)
		}
	}
	return found
}

func (l *ledger) entry(ctx context.Context, index uint64) ([]byte, error) {
	bundle, err := client.GetEntryBundle(ctx, l.fetch.ReadEntryBundle, index/256, l.size)
	if err != nil {
		return nil, err
	}
	if at := index % 256; at < uint64(len(bundle.Entries)) {
		return bundle.Entries[at], nil
	}
	return nil, fmt.Errorf("the bundle lacks entry %d", index)
}

// leafHashes splits a bundle, u16be length and entry, repeated.
func leafHashes(bundle []byte) ([][]byte, error) {
	var hashes [][]byte
	for len(bundle) > 0 {
		if len(bundle) < 2 {
			return nil, errors.New("a bundle ends inside a length")
		}
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		if end > len(bundle) {
			return nil, errors.New("a bundle ends inside an entry")
		}
		hash := tlog.RecordHash(bundle[2:end])
		hashes = append(hashes, hash[:])
		bundle = bundle[end:]
	}
	return hashes, nil
}

// tiles reads tiles for tlog, whose paths name the height of a tile too: tile/8/0/000 there is tile/0/000 here.
type tiles struct {
	read func(path string) ([]byte, error)
}

func (t tiles) Height() int { return 8 }

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range wanted {
		path := "tile/" + tile.Path()[len("tile/8/"):]
		bytes, err := t.read(path)
		if err != nil {
			return nil, err
		}
		read = append(read, bytes)
	}
	return read, nil
}

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// hashes checks every tile that it reads against the signed root.
func (l *ledger) hashes() (tlog.HashReader, tlog.Hash) {
	root := tlog.Hash(l.root)
	return tlog.TileHashReader(tlog.Tree{N: int64(l.size), Hash: root}, tiles{l.read}), root
}
