package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/seed261fe303/ha/internal/text"
)

// modeFile says what kind of server a store belongs to.
const modeFile = "mode"

// mode is what is kept in modeFile.
type mode string

const (
	standalone mode = "standalone"
	cluster    mode = "cluster"
)

// Where nats-server keeps its files below the store: every account's streams, and
// the Raft log of a cluster's servers, which a standalone server does not have.
const (
	jetStreamDir = "jetstream"
	streamsDir   = "streams"
	metaGroup    = "$SYS/_js_/_meta_"
)

// mode returns which mode c means; "": none, as nothing is stored.
func (c Config) mode() mode {
	switch {
	case c.NoJetStream:
		return ""
	case c.clustered():
		return cluster
	}
	return standalone
}

// checkMode refuses a store that was written in the other mode. A cluster takes
// streams that its leader has never heard of for left-overs and deletes them half
// a minute after the start; a standalone server knows nothing of the Raft logs
// beside a cluster's streams, and what it adds to the streams is not in them.
//
// A standalone server's store without streams in it may still become a cluster's.
func checkMode(dir string, wanted mode) error {
	found, err := foundMode(dir)
	switch {
	case err != nil:
		return err
	case found == "" || found == wanted:
		return nil
	case found == standalone:
		return fmt.Errorf("%w: it holds the streams of a standalone server, which a cluster would delete; "+
			"save them with 'ha backup FILE' from a standalone server over this store, start the cluster over empty stores, "+
			"and load them there with 'ha restore FILE'", ErrStoreMode)
	}
	return fmt.Errorf("%w: it belongs to a member of a cluster; start it with the cluster's settings, or save the journal "+
		"with 'ha backup FILE' from the cluster and load it with 'ha restore FILE' into a standalone server over an empty store",
		ErrStoreMode)
}

// foundMode tells which mode a store is bound to; "": none yet.
func foundMode(dir string) (mode, error) {
	path := filepath.Join(dir, modeFile)
	data, err := os.ReadFile(path)
	switch kept := mode(strings.TrimSpace(string(data))); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return "", fmt.Errorf("read store mode: %w", err)
	case kept == cluster:
		return cluster, nil
	case kept != standalone:
		return "", fmt.Errorf("read store mode: %s holds %s, which is neither %q nor %q", path, text.Quote(string(kept)), standalone, cluster)
	}
	// No mark, or one that binds only together with streams: look at what is there.
	return modeOfFiles(dir)
}

// writeMode notes whose the store is from now on.
func writeMode(dir string, m mode) error {
	path, content := filepath.Join(dir, modeFile), string(m)+"\n"
	if kept, err := os.ReadFile(path); err == nil && string(kept) == content {
		return nil
	}
	return writeDurably(path, content)
}

// modeOfFiles judges a store by what nats-server left in it.
func modeOfFiles(dir string) (mode, error) {
	meta := filepath.Join(dir, jetStreamDir, filepath.FromSlash(metaGroup))
	if _, err := os.Stat(meta); err == nil {
		return cluster, nil
	} else if !missing(err) {
		return "", fmt.Errorf("find store mode: %w", err)
	}
	accounts, err := os.ReadDir(filepath.Join(dir, jetStreamDir))
	if err != nil && !missing(err) {
		return "", fmt.Errorf("find store mode: %w", err)
	}
	for _, account := range accounts {
		streams, err := os.ReadDir(filepath.Join(dir, jetStreamDir, account.Name(), streamsDir))
		if err != nil && !missing(err) {
			return "", fmt.Errorf("find store mode: %w", err)
		}
		if len(streams) > 0 {
			return standalone, nil
		}
	}
	return "", nil
}

// missing reports whether there is no such directory. A file in its place is left to
// nats-server to complain about.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
