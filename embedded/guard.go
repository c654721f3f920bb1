package embedded

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// ErrStoreGone says that the directory of a running server was removed or replaced, or
// something in it was.
var ErrStoreGone = errors.New("the NATS server's store is gone")

// ErrStoreStuck says that a server cannot write to its store, as a rule because the disk
// is full.
var ErrStoreStuck = errors.New("the NATS server cannot write to its store")

const (
	// guardEvery is the time between two looks at the store, and confirmAfter until a look
	// that found it damaged is repeated: a stream may have been deleted in order meanwhile.
	guardEvery   = 400 * time.Millisecond
	confirmAfter = 100 * time.Millisecond
	// absentAtMost is for how long the directory of a stream may be missing that is new.
	absentAtMost = 250 * time.Millisecond
	// startRoom is how many bytes must be free before JetStream, which met a full disk, is
	// started anew.
	startRoom = 4 << 20
	// restartEvery is the least time between two attempts to start JetStream anew,
	// and restartAtMost what it grows to while they do not help.
	restartEvery  = 2 * time.Second
	restartAtMost = time.Minute
)

// guard looks after the store of a running server. What is not behind mu belongs to
// its goroutine.
type guard struct {
	s       *Server
	options func() *server.Options
	quit    chan struct{}
	ended   chan struct{}

	roots  []place
	absent map[string]time.Time // by path: since when a stream that the server has is not found

	pause     time.Duration // between attempts to restart
	attempted time.Time     // when the last one was
	offline   bool          // JetStream was shut down by the guard
	peers     peers

	mu          sync.Mutex
	gone, stuck error
	apart       error
	streams     map[string]*streamPlace // by path; changed by the guard's goroutine alone
}

// watchStore begins to look after the store.
func (s *Server) watchStore(options func() *server.Options) error {
	g := &guard{
		s: s, options: options, quit: make(chan struct{}), ended: make(chan struct{}), streams: map[string]*streamPlace{}, absent: map[string]time.Time{},
		peers: peers{size: len(options().Routes)},
	}
	for _, path := range []string{s.store.dir, filepath.Join(s.store.dir, jetStreamDir)} {
		root, err := holdPlace(path)
		if err != nil {
			g.release()
			return fmt.Errorf("look after the store: %w", err)
		}
		g.roots = append(g.roots, root)
	}
	s.guard = g
	go g.run()
	return nil
}

// end ends the guard and waits for that. To end none is harmless.
func (g *guard) end() {
	if g != nil {
		close(g.quit)
		<-g.ended
	}
}

// StoreGone returns an error that matches [ErrStoreGone] from when the store was found to be
// removed or replaced, which is at most half a second later, until it is back where it was. JetStream is
// off meanwhile, so that nothing more is acknowledged that would not be kept.
func (s *Server) StoreGone() error { return s.guard.trouble(func(g *guard) error { return g.gone }) }

// StoreStuck returns an error that matches [ErrStoreStuck] while JetStream cannot write to
// the store. Once there is room again, the server starts JetStream anew by itself; connections
// last.
func (s *Server) StoreStuck() error { return s.guard.trouble(func(g *guard) error { return g.stuck }) }

// StoreRoom returns how many bytes the server may still write to its store, and how large the
// file system is that it lies on. The error matches [errors.ErrUnsupported] if this system does
// not tell, or the server has no store.
func (s *Server) StoreRoom() (free, size uint64, err error) {
	if s.store.dir == "" {
		return 0, 0, fmt.Errorf("room of the store: %w", errors.ErrUnsupported)
	}
	if free, size, err = fileSystemRoom(s.store.dir); err != nil {
		return 0, 0, fmt.Errorf("room of the store %s: %w", s.store.dir, err)
	}
	return free, size, nil
}

func (g *guard) trouble(of func(*guard) error) error {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return of(g)
}

func (g *guard) run() {
	defer close(g.ended)
	defer g.release()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-g.quit:
			return
		case <-g.s.done: // it has failed
			return
		case <-timer.C:
		}
		timer.Reset(g.look())
	}
}

func (g *guard) release() {
	for _, root := range g.roots {
		root.release()
	}
	g.releaseStreams()
}

func (g *guard) releaseStreams() {
	for _, p := range g.streams {
		p.release()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.streams)
}

// look looks at the store, does what is to be done, and returns when to look again.
func (g *guard) look() time.Duration {
	broken := g.check()
	switch {
	case broken != nil && g.gone == nil:
		if !g.sleep(confirmAfter) {
			return guardEvery
		}
		if broken = g.check(); broken != nil {
			g.lose(broken)
		}
	case broken == nil && g.gone != nil:
		g.s.log.Info().Msg("the NATS server's store is back where it was")
		g.restart(nil, nil)
	case broken == nil && !g.watchPeers():
		g.unstick()
	}
	switch {
	case len(g.absent) > 0:
		return confirmAfter
	case g.s.store.mode == cluster:
		return peersEvery
	}
	return guardEvery
}

// sleep reports false if the guard is to end.
func (g *guard) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-g.quit:
		return false
	}
}

// check compares the store with what was found there before, and takes note of
// streams that are new.
func (g *guard) check() error {
	for _, root := range g.roots {
		if err := root.check(); err != nil {
			return err
		}
	}
	if g.offline {
		for _, p := range g.streams {
			if err := p.check(p.messages); err != nil {
				return err
			}
		}
		return nil
	}
	there, ok := g.served()
	if !ok {
		return nil
	}
	for path, messages := range there {
		p := g.streams[path]
		if p == nil {
			held, err := holdPlace(path)
			if err != nil { // it is being made, or was removed before it was seen
				since, known := g.absent[path]
				if !known {
					g.absent[path] = time.Now()
				} else if time.Since(since) >= absentAtMost {
					return missingFile(err)
				}
				continue
			}
			p = &streamPlace{place: held}
			g.mu.Lock()
			g.streams[path] = p
			g.mu.Unlock()
			delete(g.absent, path)
		}
		p.messages = messages
		if err := p.check(messages); err != nil {
			return err
		}
	}
	for path := range g.absent {
		if _, ok := there[path]; !ok {
			delete(g.absent, path)
		}
	}
	for path, p := range g.streams {
		if _, ok := there[path]; !ok { // deleted in order
			p.release()
			g.mu.Lock()
			delete(g.streams, path)
			g.mu.Unlock()
		}
	}
	return nil
}

// served returns the directories of the streams that the server has on disk, with the number of their
// messages; false: it has no JetStream now.
func (g *guard) served() (map[string]uint64, bool) {
	if !g.s.ns.JetStreamEnabled() {
		return nil, false
	}
	js, err := g.s.ns.Jsz(&server.JSzOptions{Accounts: true, Streams: true, Config: true, Limit: 1 << 20})
	if err != nil {
		return nil, false
	}
	there := map[string]uint64{}
	for _, account := range js.AccountDetails {
		for i := range account.Streams {
			s := &account.Streams[i]
			if s.Config == nil || s.Config.Storage != server.FileStorage {
				continue
			}
			there[filepath.Join(g.s.store.dir, jetStreamDir, account.Name, streamsDir, s.Name)] = s.State.Msgs
		}
	}
	return there, true
}

// lose says that the store is gone, and turns JetStream off: whatever it acknowledged from now on
// would be nowhere.
func (g *guard) lose(cause error) {
	err := fmt.Errorf("%w: %w. Bring it back to where it was, or stop this process and restore a backup", ErrStoreGone, cause)
	g.set(err, g.stuck)
	g.s.log.Error().Err(err).Msg("JetStream is turned off")
	g.offline = true
	_ = g.s.ns.ShutdownJetStream() // returns nil in any case
}

// unstick looks whether JetStream can write, and starts it anew if it cannot and there is
// room.
func (g *guard) unstick() {
	cause := g.writeError()
	if cause == "" {
		if g.stuck != nil {
			g.set(nil, nil)
		}
		g.pause = 0
		return
	}
	free, size, err := g.s.StoreRoom()
	if g.stuck == nil {
		err := fmt.Errorf("%w (%s; %d of %d MiB are free); it is started anew once %d MiB are free",
			ErrStoreStuck, cause, free>>20, size>>20, startRoom>>20)
		g.set(nil, err)
		g.s.log.Error().Err(err).Msg("JetStream is stuck")
	}
	if time.Since(g.attempted) < g.pause || err == nil && free < startRoom {
		return
	}
	g.pause, g.attempted = min(max(restartEvery, 2*g.pause), restartAtMost), time.Now()
	g.restart(nil, g.stuck)
}

// writeError returns what keeps JetStream from writing; empty: nothing.
func (g *guard) writeError() string {
	if !g.s.ns.JetStreamEnabled() {
		return "JetStream has turned itself off"
	}
	health := g.s.ns.Healthz(&server.HealthzOptions{Details: true})
	if health == nil {
		return ""
	}
	for _, e := range health.Errors {
		if strings.Contains(e.Error, "write error") {
			return e.Error
		}
	}
	return ""
}

// restart starts JetStream anew, and notes what troubles remain: the given ones if that
// fails. Connections last: only JetStream does not answer meanwhile.
func (g *guard) restart(gone, stuck error) {
	g.s.log.Warn().Msg("starting JetStream anew")
	g.releaseStreams()
	_ = g.s.ns.ShutdownJetStream() // returns nil in any case
	err := g.s.ns.ReloadOptions(g.options())
	if err == nil && !g.s.ns.JetStreamEnabled() {
		err = errors.New("it does not start; its own lines say why")
	}
	if err == nil {
		err = g.s.openSettings()
	}
	if err != nil {
		g.s.log.Error().Err(err).Msg("JetStream could not be started anew")
		if stuck == nil {
			stuck = fmt.Errorf("%w: it could not be started anew: %w", ErrStoreStuck, err)
		}
		g.offline = false
		g.set(gone, stuck)
		return
	}
	g.offline = false
	g.set(nil, nil)
	g.s.log.Info().Msg("JetStream runs again")
}

func (g *guard) set(gone, stuck error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gone, g.stuck = gone, stuck
}
