package embedded

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/text"
)

const (
	nameFile = "server-name"
	lockFile = "server.lock"
)

// store is the directory of one running server. It is owned by that server from
// openStore to close.
type store struct {
	dir  string // empty: the server keeps nothing
	temp bool
	name string
	mode mode // empty: JetStream is off, and the store has none
	lock *os.File
}

// openStore prepares the directory that cfg asks for and settles the server's name.
func openStore(cfg Config) (*store, error) {
	st := &store{dir: cfg.StoreDir, name: cfg.Name, mode: cfg.mode()}
	if st.dir != "" {
		if err := st.open(); err != nil {
			return nil, err
		}
		return st, nil
	}
	if st.name == "" {
		st.name = newName()
	}
	if cfg.NoJetStream {
		return st, nil
	}
	dir, err := os.MkdirTemp("", "ha-nats-")
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	st.dir, st.temp = dir, true
	return st, nil
}

// open takes the lock before it looks at the name: two first starts at the same
// time must not both write one.
func (st *store) open() error {
	if err := os.MkdirAll(st.dir, 0o750); err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	lock, err := lockStore(filepath.Join(st.dir, lockFile))
	if err != nil {
		return fmt.Errorf("open store %s: %w", st.dir, err)
	}
	st.lock = lock
	if err := st.settle(); err != nil {
		return errors.Join(fmt.Errorf("open store %s: %w", st.dir, err), st.close())
	}
	return nil
}

// settle writes nothing unless everything agrees, and all of it before
// nats-server writes its first byte.
func (st *store) settle() error {
	if st.mode != "" {
		if err := checkMode(st.dir, st.mode); err != nil {
			return err
		}
	}
	if err := st.settleName(); err != nil || st.mode == "" {
		return err
	}
	return writeMode(st.dir, st.mode)
}

// settleName makes the asked-for name and the remembered one the same.
func (st *store) settleName() error {
	path := filepath.Join(st.dir, nameFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if st.name == "" {
			st.name = newName()
		}
		return writeDurably(path, st.name+"\n")
	}
	if err != nil {
		return fmt.Errorf("read server name: %w", err)
	}
	kept := strings.TrimSpace(string(data))
	if !ha.ValidToken(kept) {
		return fmt.Errorf("read server name: %s holds %s, which is not a server's name (1 to %d letters, digits, '_' or '-')",
			path, text.Quote(kept), ha.MaxToken)
	}
	if st.name != "" && st.name != kept {
		return fmt.Errorf("%w: it belongs to server %q, not %q; start with that name or with none, or over another store",
			ErrNameMismatch, kept, st.name)
	}
	st.name = kept
	return nil
}

// close gives the directory up. The server must have stopped writing to it.
func (st *store) close() error {
	if st.temp {
		if err := os.RemoveAll(st.dir); err != nil {
			return fmt.Errorf("remove temporary store: %w", err)
		}
	}
	if st.lock != nil {
		// The file stays: removing it would let a third server lock a new file
		// while a second one waits on the old.
		if err := st.lock.Close(); err != nil {
			return fmt.Errorf("release store: %w", err)
		}
	}
	return nil
}

func newName() string { return "nats-" + strings.ToLower(rand.Text()[:12]) }

// writeDurably writes a file that is there whole or not at all, also after a loss
// of power: the data is synced before the name appears, and the name before it
// returns.
func writeDurably(path, content string) (err error) {
	temp := path + ".new"
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	if err := os.Rename(temp, path); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return syncDir(filepath.Dir(path))
}
