package sim

import (
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// noticesRoomWithin is how long it takes at most until a dispatcher notices that room is short, or is no more.
const noticesRoomWithin = 600 * time.Millisecond

// shortage makes room short for a while.
func (n *nemesis) shortage() {
	w := n.w
	if w.short {
		return
	}
	n.tally.Shortages++
	w.setShort(true)
	w.at(2*time.Second+w.randomTime(15*time.Second), func() { w.setShort(false) })
}

// setShort says whether room is short. Every dispatcher notices it a little later, each by itself.
func (w *world) setShort(short bool) {
	w.short = short
	if w.tracing {
		w.say("room is short: %v", short)
	}
	for _, d := range w.dispatchers {
		w.queue.push(event{at: w.now + w.randomTime(noticesRoomWithin), to: &d.node, do: d.noticeRoom})
	}
}

// noticeRoom takes note of whether room is short.
func (d *dispatcher) noticeRoom() {
	if d.short == d.w.short {
		return
	}
	d.short = d.w.short
	if d.subscribed() {
		d.term.tellRoom()
		d.term.proceed()
	}
}

// tellRoom tells a leader's term whether room is short.
func (v *driver) tellRoom() {
	in := step.Room{Short: v.d.short, Why: "the disk is nearly full"}
	v.inbox = append(v.inbox, incoming{request: v.d.mutated(request{input: in}), room: &in})
}

// isNewWork reports whether nothing of in may be done while room is short; it says nothing of what
// may be partly.
func isNewWork(in step.Input) bool {
	_, ok := in.(step.Submit)
	return ok
}

// mayLackRoom reports whether in may be refused because room is short.
func mayLackRoom(in step.Input) bool {
	switch in := in.(type) {
	case step.Submit, step.RetryTask:
		return true
	case step.ChangeBatch:
		return in.Then != nil
	}
	return false
}

// checkRoom checks a reply to a request: if it was handled while room was short, no new work was taken; and
// only new work is refused for that.
func (b *books) checkRoom(in incoming, r reply) {
	list, results := in.list, r.results
	if list == nil {
		list, results = []step.Input{in.input}, []step.Reply{r.result}
	}
	for i, one := range list {
		if i >= len(results) {
			return
		}
		switch a := results[i]; {
		case a.Err != nil && a.Err.Code == "no_room":
			b.w.nemesis.tally.NoRoom++
			if !mayLackRoom(one) {
				b.w.fail("%s is refused for lack of room", shown(one))
			} else if !in.short {
				b.w.fail("%s is refused for lack of room, and there is room", shown(one))
			}
		case in.short && a.Err == nil && isNewWork(one) && !a.Duplicate:
			b.w.fail("%s is taken, and room is short", shown(one))
		}
	}
}
