package journal

import (
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/format"
)

// Role is what a [Member] is at the moment.
type Role string

// The roles.
const (
	// RoleStandby: follows the log and waits for a silence.
	RoleStandby Role = "standby"
	// RoleCandidate: has sent a claim whose outcome it does not know yet.
	RoleCandidate Role = "candidate"
	// RoleLeader: its claim is the last one in the log, as far as it knows.
	RoleLeader Role = "leader"
	// RoleDeposed: somebody else has written, or the log was silent for too long. The
	// state built under this member may be ahead of the log: make a new one.
	RoleDeposed Role = "deposed"
)

// MemberConfig is what a [Member] works by. Durations are on the member's own
// monotonic clock.
type MemberConfig struct {
	// Node names the process, Nonce this member of it.
	Node  string
	Nonce uint64
	// Lease is how long a leader may act after it sent the last append that was
	// acknowledged.
	Lease time.Duration
	// Jitter is added to a standby's patience, so that two seldom claim together.
	Jitter time.Duration
	// EpochFloor is what the epoch of a claim must exceed, besides all in the log.
	EpochFloor uint64
	// Format is the format of the journal in which a log without entries begins; 0 is 1. A log
	// with entries goes on in its own; see [Member.SetFormat].
	Format int
	// Clock returns the clock of an entry that is made now; nil: it is zero.
	Clock func(now time.Duration) Clock
	// MayClaim is asked before a claim is made, and before a leader whose lease has run out goes on; nil: they
	// may. It may call [Member.AcceptLoss] and no other method that changes the Member. If it returns false, a
	// standby waits as long as for another leader, and a leader leads no longer.
	MayClaim func() bool
}

// drift is how much longer than the leader's lease a standby waits before it
// claims, as a part of it: a tenth. It must be more than two clocks drift apart
// in that time.
const drift = 10

// retryAfter is how long a member waits between two questions to a log that does not answer.
const retryAfter = 50 * time.Millisecond

// repeatMost is how long a member waits at most before it repeats an append that the log refuses
// again and again although the place is free, as a store without room does.
const repeatMost = 200 * time.Millisecond

// ActionType tells the actions apart.
type ActionType uint8

// What a member asks its driver to do, or reports to it.
const (
	// DoAppend: append Entry after the sequence After, and report with AppendReturned.
	DoAppend ActionType = iota + 1
	// DoReadEnd: read the log's end and the entries after After, and report with EndRead.
	DoReadEnd
	// Won: the claim is in the log; this process leads in Entry.Epoch.
	Won
	// Committed: the entry proposed last is in the log, at Entry.Seq.
	Committed
	// Lost: the leadership or candidacy is over; see Role.
	Lost
)

// Action is one of them.
type Action struct {
	Type  ActionType
	After uint64
	Entry Entry
}

// LogEnd is what a driver saw at the log's end.
type LogEnd struct {
	// Failed: the log did not answer.
	Failed bool
	// Last is the sequence of the last entry.
	Last uint64
	// Next are the entries after the one asked about, in order, not necessarily all; none if
	// the first of them was purged already. An entry of a newer format, which cannot be read,
	// ends them, with Newer set.
	Next  []Entry
	Newer bool
}

// shows reports whether e is the first entry of l.Next.
func (l *LogEnd) shows(e Entry) bool { return len(l.Next) > 0 && l.Next[0].Same(e) }

// MostNext is how many entries a driver should read at once for [LogEnd.Next], so that a
// leader gets through a flood of foreign ones.
const MostNext = 64

// VoidCount counts the void entries that a [Member] has met. Seq and Why are of the last one.
type VoidCount struct {
	Count uint64
	Seq   uint64
	Why   string
}

// Member is one process's part in the log: standby, candidate or leader. It is
// a pure state machine: whoever drives it performs the actions it returns and
// reports what came of them. now is the driver's monotonic clock. A Member must
// not be used concurrently. See the package comment for the rules it keeps.
type Member struct {
	cfg  MemberConfig
	role Role

	epoch       uint64 // the highest in the log, or ours
	number      uint64 // of our last entry in it
	position    uint64 // the last message of the log, void or not, followed or passed
	sieve       Sieve  // of what was followed, and of its own
	void        VoidCount
	format      int  // of the entries it writes
	acceptsLoss bool // entries are known to be missing before its claims
	sure        assurance
	clockRead   time.Duration // when the last entry that counts was followed
	watched     bool          // it was written after the member had caught up
	lease       time.Duration // of the last entry's writer
	heard       time.Duration // when the log last showed life
	caughtUp    bool          // has followed to what was the end when it began
	vacant      bool          // the last entry is a handover, or there is none
	leaseStart  time.Duration // when the last acknowledged append was sent
	pending     *pendingAppend

	actions []Action
}

// pendingAppend is the append whose outcome is open.
type pendingAppend struct {
	entry   Entry
	after   uint64
	sent    time.Duration // the first attempt
	waiting bool          // a reply is outstanding
	retry   time.Duration // otherwise: when to read the log's end again
	pause   time.Duration // before it is repeated next; the first time it is not delayed
	paused  bool          // that pause is over
	tried   bool          // it was sent
	check   bool          // the log is asked whether it still is the one that was read; see assurance
	checked uint64        // as far as this entry it is
}

// NewMember returns a standby that knows nothing of the log yet.
func NewMember(cfg MemberConfig, now time.Duration) *Member {
	return &Member{cfg: cfg, role: RoleStandby, heard: now, vacant: true, format: max(cfg.Format, format.Oldest)}
}

// Role returns what the member is.
func (m *Member) Role() Role { return m.role }

// Epoch returns the highest epoch in the log, which is the leader's own.
func (m *Member) Epoch() uint64 { return m.epoch }

// Position returns the sequence of the last entry followed or committed.
func (m *Member) Position() uint64 { return m.position }

// Void returns how many void entries the member has met; see [Sieve].
func (m *Member) Void() VoidCount { return m.void }

// Format returns the format in which the member writes: that of the log, unless it was set.
func (m *Member) Format() int { return m.format }

// SetFormat makes the member write in another format from the next proposal on. It is for a
// leader, and must not be lower than [Member.Format].
func (m *Member) SetFormat(f int) { m.format = f }

// AcceptLoss says whether the member's claims accept that entries are missing at the end of the
// log. If they do they are under an epoch above the one given, and say so.
func (m *Member) AcceptLoss(accept bool, epoch uint64) {
	m.acceptsLoss = accept
	if accept {
		m.cfg.EpochFloor = max(m.cfg.EpochFloor, epoch)
	}
}

// LastEntry returns the last entry that counts, without its data, and false if there is none.
func (m *Member) LastEntry() (Entry, bool) { return m.sieve.Last(), m.sieve.Began() }

// LastClock returns the clock of the last entry that counts, and when it was followed. watched
// tells that it was written after the member had caught up with the log. ok is false if no
// entry was read, or the last one carries no clock.
func (m *Member) LastClock() (c Clock, readAt time.Duration, watched, ok bool) {
	last := m.sieve.Last()
	return last.Clock, m.clockRead, m.watched, m.sieve.Began() && last.Format >= 2
}

// CanPropose reports whether Propose may be called.
func (m *Member) CanPropose() bool { return m.role == RoleLeader && m.pending == nil }

// MayAct reports whether a leader's decisions may leave the process: its last
// acknowledged append was sent less than a lease ago, so nobody else leads yet.
func (m *Member) MayAct(now time.Duration) bool {
	return m.role == RoleLeader && now < m.ActsUntil()
}

// ActsUntil returns when MayAct turns false unless another append is
// acknowledged. A leader that is about to hand over may not act any more: as soon
// as the handover is in the log, which may be long before the reply comes,
// another one leads.
func (m *Member) ActsUntil() time.Duration {
	if m.pending != nil && m.pending.entry.Type == EntryHandover {
		return 0
	}
	return m.leaseStart + m.cfg.Lease
}

// CaughtUp says that the driver has followed to what was the log's end when it
// began. Until then the member does not claim.
func (m *Member) CaughtUp(now time.Duration) []Action {
	m.caughtUp, m.heard = true, now
	return m.Tick(now)
}

// Followed takes the next entry of the log. A standby's driver applies it to
// its state if apply is true; it is false for a void entry, which renews nothing. The error
// matches [ErrCorrupt] if entries before it are missing.
func (m *Member) Followed(now time.Duration, e Entry) (apply bool, actions []Action, err error) {
	if m.role == RoleLeader || m.role == RoleDeposed || e.Seq <= m.position {
		return false, nil, nil
	}
	if m.pending != nil && m.pending.tried && e.Same(m.pending.entry) {
		m.pending.after = e.Seq - 1 // void ones may have come between
		m.won(now)
		return false, m.takeActions(), nil
	}
	m.position = e.Seq
	void, err := m.sieve.Judge(e)
	if void != "" {
		m.passOver(e.Seq, void)
		return false, m.takeActions(), nil
	}
	if err != nil {
		return false, m.takeActions(), err
	}
	m.heard, m.clockRead, m.watched = now, now, m.caughtUp
	m.sure = assurance{of: m.sieve.Last()}
	m.epoch, m.lease, m.format = max(m.epoch, e.Epoch), e.Lease, m.sieve.Format()
	m.vacant = e.Type == EntryHandover
	if m.role == RoleCandidate {
		// The place that our claim was meant for is taken. If it is still on its way, the
		// log will refuse it.
		m.lost(now, RoleStandby)
	}
	return true, m.takeActions(), nil
}

// passOver takes note of a void entry.
func (m *Member) passOver(seq uint64, why string) {
	m.void = VoidCount{Count: m.void.Count + 1, Seq: seq, Why: why}
}

// Propose appends data under this leadership. Nil data renews the lease. Call it
// only if CanPropose. The driver must not change data until Committed or Lost.
func (m *Member) Propose(now time.Duration, data []byte) []Action {
	return m.write(now, EntryRecords, data)
}

// HandOver ends the leadership in order: from here on the leader may not act.
// Call it only if CanPropose.
func (m *Member) HandOver(now time.Duration) []Action {
	return m.write(now, EntryHandover, nil)
}

func (m *Member) write(now time.Duration, typ EntryType, data []byte) []Action {
	if !m.CanPropose() {
		return nil
	}
	m.number++
	m.startAppend(now, Entry{Type: typ, Epoch: m.epoch, Number: m.number, Data: data})
	return m.takeActions()
}

func (m *Member) startAppend(now time.Duration, e Entry) {
	e.Node, e.Nonce, e.Lease, e.Format = m.cfg.Node, m.cfg.Nonce, m.cfg.Lease, m.format
	if m.format >= 2 && m.cfg.Clock != nil {
		e.Clock = m.cfg.Clock(now)
	}
	if m.format >= 2 && e.Type == EntryClaim {
		e.AcceptsLoss = m.acceptsLoss
		if m.sieve.Began() {
			e.Prev = m.sieve.Last().Name()
		}
	}
	m.pending = &pendingAppend{entry: e, after: m.position, sent: now, waiting: true}
	if !m.isSure(now) {
		m.check()
		return
	}
	m.pending.tried = true
	m.emit(Action{Type: DoAppend, After: m.position, Entry: e})
}

// AppendReturned reports that the append asked for last returned: passed, or any
// error. An error never tells for certain that the entry is not in the log, so
// the member asks the log.
func (m *Member) AppendReturned(now time.Duration, passed bool) []Action {
	if m.pending == nil || !m.pending.waiting {
		return nil
	}
	m.pending.waiting = false
	if passed {
		m.appended(now)
	} else {
		m.readEnd()
	}
	return m.takeActions()
}

func (m *Member) readEnd() {
	after := m.pending.after
	if m.pending.check {
		after = m.pending.checked
	}
	m.pending.waiting = true
	m.emit(Action{Type: DoReadEnd, After: after})
}

// EndRead reports what a DoReadEnd saw.
func (m *Member) EndRead(now time.Duration, l LogEnd) []Action {
	f := m.pending
	if f == nil || !f.waiting {
		return nil
	}
	f.waiting = false
	switch {
	case l.Failed:
		f.retry = now + retryAfter
	case f.check:
		m.endCheck(now, l)
	case l.Last >= f.after && !m.isSure(now) && !l.shows(f.entry):
		m.check()
	case l.Last == f.after:
		m.repeat(now)
	case l.Last < f.after && m.role == RoleCandidate && now-f.sent >= endPatience*m.cfg.Lease:
		m.lost(now, RoleDeposed) // void entries were there, and are no more
	case l.Last < f.after:
		// A reply from a server that lags behind.
		f.retry = now + retryAfter
	default:
		m.lookBehind(now, l)
	}
	return m.takeActions()
}

// repeat repeats the append in flight, which is not in the log: at once the first time, and then
// after pauses. That is safe: both attempts name the same entry to follow, or that of the first
// is not the last one any more, so only one of the two can pass.
func (m *Member) repeat(now time.Duration) {
	f := m.pending
	if f.pause > 0 && !f.paused {
		f.retry, f.paused = now+f.pause, true
		return
	}
	f.waiting, f.paused = true, false
	f.pause = min(max(2*f.pause, retryAfter), repeatMost)
	m.emit(Action{Type: DoAppend, After: f.after, Entry: f.entry})
}

// lookBehind looks at what stands in the place of the entry in flight, and behind it.
// Void entries are passed over: the entry goes behind them. That is safe, because an attempt that
// is still on its way names a predecessor that is not the last entry any more, so that it
// cannot pass.
func (m *Member) lookBehind(now time.Duration, l LogEnd) {
	f := m.pending
	for _, e := range l.Next {
		if e.Seq != f.after+1 {
			break
		}
		if e.Same(f.entry) {
			m.appended(now)
			return
		}
		void := m.sieve.void(e)
		if void == "" {
			m.outrun(now)
			return
		}
		if e.Seq > m.position { // otherwise it was followed
			m.position = e.Seq
			m.passOver(e.Seq, void)
		}
		f.after = e.Seq
	}
	switch {
	case len(l.Next) == 0 || l.Newer:
		m.outrun(now)
	case f.after >= l.Last:
		m.repeat(now)
	default: // there are more
		m.readEnd()
	}
}

// outrun: somebody else has written.
func (m *Member) outrun(now time.Duration) {
	if m.role != RoleCandidate {
		m.lost(now, RoleDeposed)
		return
	}
	// Until that was followed the place cannot be known to be vacant, and claiming at once
	// would only be refused again and again.
	m.vacant = false
	m.lost(now, RoleStandby)
}

// appended: the entry in flight is in the log.
func (m *Member) appended(now time.Duration) {
	f := m.pending
	if f.entry.Type == EntryClaim {
		m.won(now)
		return
	}
	m.pending = nil
	m.position = f.after + 1
	f.entry.Seq = m.position
	m.assure(now, f)
	// Counted from the first attempt: a standby that waits began to do so when the
	// entry reached it, which cannot be before.
	m.leaseStart = f.sent
	m.sieve.Accept(f.entry)
	m.emit(Action{Type: Committed, Entry: f.entry})
	if f.entry.Type == EntryHandover {
		m.role = RoleDeposed
		m.emit(Action{Type: Lost})
	}
}

func (m *Member) won(now time.Duration) {
	f := m.pending
	m.pending, m.heard = nil, now
	m.role = RoleLeader
	m.position, m.epoch, m.number, m.leaseStart = f.after+1, f.entry.Epoch, 0, f.sent
	f.entry.Seq = m.position
	m.assure(now, f)
	m.sieve.Accept(f.entry)
	m.emit(Action{Type: Won, Entry: f.entry})
}

func (m *Member) lost(now time.Duration, role Role) {
	m.pending, m.role, m.heard = nil, role, now
	m.emit(Action{Type: Lost})
}

// Tick lets time pass: a standby claims after a silence, a leader renews its
// lease or gives up when the log stays silent, and open questions are asked again.
func (m *Member) Tick(now time.Duration) []Action {
	f := m.pending
	switch {
	case m.role == RoleLeader && now >= m.givesUpAt():
		m.lost(now, RoleDeposed)
	case f != nil && !f.waiting && now >= f.retry:
		m.readEnd()
	case f != nil:
	case m.role == RoleLeader && now >= m.renewsAt():
		m.number++
		m.startAppend(now, Entry{Type: EntryRecords, Epoch: m.epoch, Number: m.number})
	case m.role == RoleStandby && m.caughtUp && now >= m.claimsAt():
		m.role = RoleCandidate
		switch {
		case !m.isSure(now):
			m.pending = &pendingAppend{sent: now}
			m.check()
		case m.mayLead(now):
			m.startAppend(now, m.claim())
		}
	}
	return m.takeActions()
}

func (m *Member) claim() Entry {
	return Entry{Type: EntryClaim, Epoch: max(m.epoch, m.cfg.EpochFloor) + 1}
}

func (m *Member) renewsAt() time.Duration { return m.leaseStart + m.cfg.Lease/3 }

// givesUpAt is when a leader stops waiting for a log that does not answer. What it
// holds open has long been repeated by those who asked. A claim may have waited
// longer than that for a log without a leader of its own; once it is in, the log
// answers again.
func (m *Member) givesUpAt() time.Duration { return max(m.leaseStart, m.heard) + 3*m.cfg.Lease }

func (m *Member) claimsAt() time.Duration {
	if m.vacant {
		return m.heard
	}
	lease := max(m.lease, m.cfg.Lease)
	return m.heard + lease + lease/drift + m.cfg.Jitter
}

// NextWake returns when the next Tick is due; ok is false if only a reply
// can move the member.
func (m *Member) NextWake() (at time.Duration, ok bool) {
	f := m.pending
	switch {
	case m.role == RoleDeposed, m.role == RoleStandby && !m.caughtUp:
		return 0, false
	case m.role == RoleLeader && f != nil && f.waiting:
		return m.givesUpAt(), true
	case m.role == RoleLeader && f != nil:
		return min(f.retry, m.givesUpAt()), true
	case m.role == RoleLeader:
		return m.renewsAt(), true
	case f != nil && f.waiting:
		return 0, false
	case f != nil:
		return f.retry, true
	}
	return m.claimsAt(), true
}

func (m *Member) emit(a Action) { m.actions = append(m.actions, a) }

func (m *Member) takeActions() []Action {
	a := m.actions
	m.actions = nil
	return a
}
