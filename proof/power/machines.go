package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/seed261fe303/ha/proof/harness"
)

const (
	// diskSize is that of each disk, in bytes.
	diskSize = 512 << 20
	// toolWithin bounds one call of mount, umount and their like.
	toolWithin = 30 * time.Second
	// letGoWithin bounds the wait until a disk is used by nobody.
	letGoWithin = 20 * time.Second
)

// tools are the programs that it takes.
var tools = []string{"mkfs.ext4", "mount", "sync", "umount"}

// machines are what has a disk each, mounted in a directory of its own. They must not be
// used concurrently.
type machines struct {
	room  *room
	place *place
	shelf *shelf
	list  []*machine
}

// machine is one of them.
type machine struct {
	name    string
	dir     string // where its file system is mounted
	disk    *disk
	shelf   string // the directory with the disks
	mounted bool
}

// setUp makes a room for disks. The caller closes it.
func setUp(ctx context.Context) (*machines, error) {
	p, err := newPlace(ctx)
	if err != nil {
		return nil, err
	}
	m := &machines{room: newRoom(flushTakes), place: p}
	disks := filepath.Join(p.dir, "disks")
	if err := os.Mkdir(disks, 0o700); err != nil {
		return nil, errors.Join(err, m.close())
	}
	if m.shelf, err = mountShelf(disks, m.room); err != nil {
		m.shelf = nil
		return nil, errors.Join(err, m.close())
	}
	return m, nil
}

// add mounts an empty disk at the directory dir, which it makes.
func (m *machines) add(ctx context.Context, name, dir string) (*machine, error) {
	c := &machine{name: name, dir: dir, disk: m.room.add(fmt.Sprintf("%s-%d", name, len(m.list)), diskSize), shelf: m.shelf.dir}
	m.list = append(m.list, c)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := tool(ctx, "mkfs.ext4", "-q", "-F", "-m", "0", "-E", "nodiscard", c.path()); err != nil {
		return nil, err
	}
	if err := c.mount(ctx); err != nil {
		return nil, err
	}
	return c, os.Remove(filepath.Join(dir, "lost+found"))
}

// path is the disk as a file.
func (c *machine) path() string { return filepath.Join(c.shelf, c.disk.name) }

// mount mounts the disk by way of a loop device, which goes when it is unmounted. The file
// system recovers by its own journal, as it does when a machine starts.
func (c *machine) mount(ctx context.Context) error {
	if err := tool(ctx, "mount", "-t", "ext4", "-o", "loop,noatime,errors=continue", c.path(), c.dir); err != nil {
		return err
	}
	c.mounted = true
	return nil
}

// unmount unmounts it, and waits until nothing uses the disk any more.
func (c *machine) unmount(ctx context.Context) error {
	if !c.mounted {
		return nil
	}
	err := harness.Await(ctx, "the end of "+c.dir, letGoWithin, func() error { return tool(ctx, "umount", c.dir) })
	if err != nil {
		return err
	}
	c.mounted = false
	return harness.Await(ctx, "the disk of "+c.name, letGoWithin, c.disk.idle)
}

// cut takes the power from these machines, at one instant, which it returns.
func (m *machines) cut(list []*machine) time.Time {
	disks := make([]*disk, len(list))
	for i, c := range list {
		disks[i] = c.disk
	}
	return m.room.cut(disks...)
}

// end lets go of the disk of a machine that has no power. Its processes have been killed:
// those that wait for the disk end now.
func (c *machine) end() { c.disk.fail() }

// boot gives the machine power again, and mounts its file system.
func (c *machine) boot(ctx context.Context, rng *rand.Rand) (survival, error) {
	if err := c.unmount(ctx); err != nil {
		return survival{}, err
	}
	s := c.disk.restore(rng)
	return s, c.mount(ctx)
}

// close unmounts everything. It takes the time that it needs even if what it is part of was
// interrupted.
func (m *machines) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*letGoWithin)
	defer cancel()
	var problems []error
	for _, c := range m.list {
		c.end()
		problems = append(problems, c.unmount(ctx))
	}
	if m.shelf != nil {
		problems = append(problems, m.shelf.close())
	}
	return errors.Join(errors.Join(problems...), m.place.close())
}

// tool runs one of the system's programs. It is a process of its own that may wait for a disk,
// which is served by this one: were this process to wait in the kernel for itself, nothing could end it.
func tool(ctx context.Context, name string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, toolWithin)
	defer cancel()
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil { // #nosec G204 -- one of tools
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// missing returns why no power can be cut here, or nil: it cuts it once.
func missing(ctx context.Context) error {
	if err := supported(); err != nil {
		return err
	}
	for _, name := range tools {
		if _, err := exec.LookPath(name); err != nil {
			return err
		}
	}
	m, err := setUp(ctx)
	if err != nil {
		return err
	}
	_, err = m.add(ctx, "probe", filepath.Join(m.place.dir, "probe"))
	return errors.Join(err, m.close())
}
