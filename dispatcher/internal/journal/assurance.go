package journal

import "time"

// assurance is what a [Member] knows of whether the log still is the one that it has read. An append
// names its predecessor by its place alone, so that a log that lost its end and grew again, under another leader, would
// take it, and to whoever has not seen how it began, what that leader wrote is void. To lose entries and to grow again
// takes longer than a lease. So a member that claims, or that leads and whose lease has run out, first looks whether the
// log still holds the last entry that it is sure of, and nothing but void ones behind it.
type assurance struct {
	of    Entry         // without its data
	until time.Duration // on the member's clock: nothing else can have been written before
}

// endPatience is for how many leases a member believes that the server lags behind that says that the log ends
// before an entry that was in it.
const endPatience = 3

// isSure reports whether the log is the one that was read, as far as the member's place in it is concerned.
func (m *Member) isSure(now time.Duration) bool { return !m.sieve.Began() || now < m.sure.until }

// assure takes note that an append has passed, at f.entry.Seq.
func (m *Member) assure(now time.Duration, f *pendingAppend) {
	if m.isSure(now) {
		m.sure = assurance{of: f.entry, until: f.sent + m.cfg.Lease}
		m.sure.of.Data = nil
	}
}

// check looks whether the log still is the one that was read, before it goes on with what is pending.
func (m *Member) check() {
	m.pending.check, m.pending.checked = true, m.sure.of.Seq-1
	m.readEnd()
}

// endCheck takes what a look at the log has shown.
func (m *Member) endCheck(now time.Duration, l LogEnd) {
	f := m.pending
	for _, e := range l.Next {
		if e.Seq != f.checked+1 || e.Seq > m.position {
			break
		}
		if e.Seq == m.sure.of.Seq && (e.Name() != m.sure.of.Name() || e.Node != m.sure.of.Node) || e.Seq > m.sure.of.Seq && m.sieve.void(e) == "" {
			m.lost(now, RoleDeposed) // the log was replaced
			return
		}
		f.checked = e.Seq
	}
	switch {
	case f.checked == m.position:
		m.sure.until = now + m.cfg.Lease
		m.goOn(now)
	case l.Last < m.position && now-f.sent < endPatience*m.cfg.Lease:
		f.retry = now + retryAfter
	case l.Last < m.position:
		m.lost(now, RoleDeposed) // the log has lost its end
	case len(l.Next) == 0:
		m.lost(now, RoleDeposed) // it was purged: others have written behind it
	default: // there are more
		m.readEnd()
	}
}

// goOn goes on with what the log was asked for: an append that was tried before, a claim, or what a leader
// is to append.
func (m *Member) goOn(now time.Duration) {
	f := m.pending
	switch {
	case !m.mayLead(now):
	case f.tried:
		f.check = false
		m.readEnd()
	case m.role == RoleCandidate:
		m.startAppend(now, m.claim())
	default:
		f.check, f.tried, f.sent, f.waiting = false, true, now, true
		m.emit(Action{Type: DoAppend, After: f.after, Entry: f.entry})
	}
}

// mayLead reports whether the member may claim or, as a leader, go on. Otherwise it does not.
func (m *Member) mayLead(now time.Duration) bool {
	switch {
	case m.cfg.MayClaim == nil || m.cfg.MayClaim():
		return true
	case m.role == RoleLeader:
		m.lost(now, RoleDeposed)
	default:
		m.pending, m.role, m.heard, m.vacant = nil, RoleStandby, now, false
	}
	return false
}
