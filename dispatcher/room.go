package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/subjects"
)

// Disk is the store of a NATS server in this process, as its dispatcher sees it. An embedded server is
// one. Its methods may be called concurrently, and must not wait.
type Disk interface {
	// StoreGone returns an error while the store is not where it was, or not whole: then nothing may be
	// acknowledged.
	StoreGone() error
	// StoreStuck returns an error while the server cannot write to it.
	StoreStuck() error
	// StoreApart returns an error while the server takes no part in its cluster, as it sees too few of the
	// others.
	StoreApart() error
	// StoreRoom returns how many bytes may still be written to it, and how large its file system is. An
	// error says that this cannot be told.
	StoreRoom() (free, size uint64, err error)
}

const (
	// accountEvery is how many looks pass between two questions for the room of an account without a limit.
	accountEvery = 4
	// reserveShare is which part of a small disk the default of [Config.DiskReserve] is.
	reserveShare = 20
	// refuseAfter is how many looks in a row must find that nobody leads for lack of room before
	// a dispatcher that does not lead refuses submissions.
	refuseAfter = 2
)

// roomGuard is the part of a guard that looks after the room for the journal. What is not behind mu belongs to
// the guard's goroutine.
type roomGuard struct {
	replicas int
	looks    int
	account  journal.Room
	roomless int // looks in a row that found that nobody leads for lack of room
	refusing *nats.Subscription

	mu      sync.Mutex
	short   string        // why new work is refused; empty: it is not
	changed chan struct{} // closed when short changes
}

// space is where the journal is limited in its growth.
type space struct {
	what       string
	free, size uint64
	remedy     string
}

// lookAtRoom looks whether there is room for new work.
func (g *guard) lookAtRoom(ctx context.Context) {
	r := &g.room
	if r.looks++; (r.account.Limited || r.looks%accountEvery == 1) && g.d.nc.IsConnected() {
		limit, cancel := context.WithTimeout(ctx, lookTimeout)
		if room, err := g.log.Room(limit, r.replicas); err == nil {
			r.account = room
		}
		cancel()
	}
	spaces := make([]space, 0, 2)
	if r.account.Limited {
		spaces = append(spaces, space{"JetStream's limit for this account", r.account.Free, r.account.Size, "raise it, or delete other streams"})
	}
	if disk := g.d.cfg.Disk; disk != nil {
		if free, size, err := disk.StoreRoom(); err == nil {
			spaces = append(spaces, space{"the disk of the journal", free, size, "free some of it"})
		}
	}
	was := r.get()
	short := ""
	for _, s := range spaces {
		if why := g.d.cfg.shortOf(s, g.d.member.needs(), was != ""); why != "" {
			short = why
		}
	}
	if short == "" || was == "" { // the numbers in it are those of when it began
		r.set(short)
		var err error
		if short != "" {
			err = errors.New("no new work is taken (429 no_room): " + short)
		}
		g.d.health.note(troubleRoom, err)
	}
	g.refuseForOthers(short)
}

// shortOf says why a space has no room for new work; empty: it has. needs is what the next snapshot
// may take. Once new work is refused, a quarter of the reserve more must be free until it is taken again.
func (c Config) shortOf(s space, needs uint64, refused bool) string {
	reserve := c.reserve(s.size)
	if reserve == 0 {
		return ""
	}
	wanted := reserve + needs
	if refused {
		wanted += reserve / 4
	}
	if s.free >= wanted {
		return ""
	}
	return fmt.Sprintf("%s has %d MiB left of %d, and %d MiB are kept for what is under way: %s",
		s.what, s.free>>20, s.size>>20, (reserve+needs)>>20, s.remedy)
}

// reserve returns how many bytes of a space of that size are not for new work.
func (c Config) reserve(size uint64) uint64 {
	switch {
	case c.DiskReserve == DefaultDiskReserve:
		return min(DefaultDiskReserve, size/reserveShare)
	case c.DiskReserve < 0:
		return 0
	}
	return uint64(c.DiskReserve)
}

func (r *roomGuard) get() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.short
}

func (r *roomGuard) set(short string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.short == short {
		return
	}
	r.short = short
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// watch returns what get does, and a channel that is closed when that changes.
func (r *roomGuard) watch() (short string, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changed == nil {
		r.changed = make(chan struct{})
	}
	return r.short, r.changed
}

// tellRoom tells a leader's loop whether there is room, until ctx ends.
func (d *Dispatcher) tellRoom(ctx context.Context, inbox chan<- inboxItem) {
	for told := ""; ; {
		short, changed := d.guard.room.watch()
		if short != told {
			select {
			case inbox <- inputItem(step.Room{Short: short != "", Why: short}):
				told = short
			case <-ctx.Done():
				return
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// refuseForOthers refuses submissions while nobody leads because there is no room to write down that
// somebody does: those who submit learn why, in place of nothing.
func (g *guard) refuseForOthers(short string) {
	r := &g.room
	why := g.whyNobodyLeads(short)
	if why == "" {
		r.roomless = 0
		r.stopRefusing()
		return
	}
	if r.roomless++; r.roomless < refuseAfter || r.refusing != nil {
		return
	}
	sub, err := g.d.nc.QueueSubscribe(g.d.names.Task(subjects.TaskSubmit), micro.DefaultQueueGroup, func(m *nats.Msg) {
		g.d.refuseSubmission(m, why)
	})
	if err != nil {
		g.d.cfg.Log.Debug().Err(err).Msg("refusing submissions")
		return
	}
	r.refusing = sub
}

// whyNobodyLeads says what there is no room for, if that keeps this dispatcher from leading and no other leads;
// otherwise it is empty.
func (g *guard) whyNobodyLeads(short string) string {
	d := g.d
	refused := d.health.accessError()
	role, _, _ := d.member.get()
	if refused == nil || role == journal.RoleLeader && (gate{d}).open() || d.otherLeads() {
		return ""
	}
	if errors.Is(refused, journal.ErrNoRoom) {
		return refused.Error()
	}
	if disk := d.cfg.Disk; disk != nil {
		if err := disk.StoreStuck(); err != nil {
			return err.Error()
		}
	}
	return short
}

func (d *Dispatcher) refuseSubmission(m *nats.Msg, why string) {
	if m.Reply == "" {
		return
	}
	refusal, body := subjects.EncodeRefusal(ha.Overloaded("no_room", "no new work is taken, and nobody leads: %s", why), "")
	if err := d.nc.PublishMsg(refusalTo(m.Reply, refusal, body)); err != nil {
		d.cfg.Log.Debug().Err(err).Msg("refusing a submission")
	}
}

func (r *roomGuard) stopRefusing() {
	if r.refusing != nil {
		_ = r.refusing.Unsubscribe() // fails only on a closed connection, which has no subscriptions
		r.refusing = nil
	}
}
