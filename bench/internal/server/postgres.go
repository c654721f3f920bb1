package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/jackc/pgx/v5"

	"github.com/seed261fe303/ha/bench/internal/lab"
	"github.com/seed261fe303/ha/bench/internal/queue"
)

// Postgres is one set of files of PostgreSQL, in which the server runs again and again.
type Postgres struct {
	lab  *lab.Lab
	bin  string
	data string
	as   *syscall.Credential
}

// postgresUser is whom Debian's package makes.
const postgresUser = "postgres"

// superuser is the one inside of the database.
const superuser = "bench"

// NewPostgres makes the files.
func NewPostgres(ctx context.Context, l *lab.Lab, p Peers) (*Postgres, error) {
	dir, err := l.Folder("postgres")
	if err != nil {
		return nil, err
	}
	pg := &Postgres{lab: l, bin: p.Postgres, data: filepath.Join(dir, "data")}
	// The server refuses to run as root; who is somebody else runs it as that.
	if os.Geteuid() == 0 {
		if pg.as, err = credential(postgresUser); err != nil {
			return nil, err
		}
		if err := os.Chown(dir, int(pg.as.Uid), int(pg.as.Gid)); err != nil {
			return nil, fmt.Errorf("prepare PostgreSQL: %w", err)
		}
	}
	initdb := exec.CommandContext(ctx, filepath.Join(pg.bin, "initdb"), // #nosec G204 -- found by FindPeers
		"--pgdata", pg.data, "--username", superuser, "--auth", "trust", "--encoding", "UTF8", "--locale", "C")
	initdb.Dir = dir
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: pg.as}
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("prepare PostgreSQL: initdb: %w\n%s", err, out)
	}
	return pg, nil
}

func credential(name string) (*syscall.Credential, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("run as %s: %w", name, err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("run as %s: %w", name, err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// Start starts the server, with no tasks in it. All settings are those of
// PostgreSQL but for the two below, which its manual recommends for a machine that
// is not tiny and for much writing; fsync is on.
func (pg *Postgres) Start(ctx context.Context) (*Instance, error) {
	port, err := lab.Port(ctx)
	if err != nil {
		return nil, err
	}
	process, err := pg.lab.Start(ctx, lab.Spec{
		Name: "postgres", Path: filepath.Join(pg.bin, "postgres"), As: pg.as,
		Args: []string{
			"-D", pg.data, "-p", strconv.Itoa(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
			"-c", "shared_buffers=1GB", "-c", "max_wal_size=4GB",
		},
		// SIGINT disconnects clients; SIGQUIT ends all of its processes, which SIGKILL
		// would leave behind.
		Stop: syscall.SIGINT, Kill: syscall.SIGQUIT,
	})
	if err != nil {
		return nil, err
	}
	i := &Instance{
		URL:       fmt.Sprintf("postgres://%s@127.0.0.1:%d/postgres?sslmode=disable", superuser, port),
		Processes: []*lab.Process{process},
	}
	err = process.Await(ctx, "PostgreSQL", readyWithin, func(ctx context.Context) error {
		conn, err := pgx.Connect(ctx, i.URL)
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	})
	if err == nil {
		err = queue.PrepareRiver(ctx, i.URL)
	}
	if err == nil {
		err = queue.EmptyRiver(ctx, i.URL)
	}
	if err != nil {
		return nil, err
	}
	return i, nil
}
