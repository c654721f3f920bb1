package dispatcher_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/subjects"
)

// refusal is what a bad message must be answered with.
type refusal struct {
	body   string
	status int
	code   string
}

var huge = `{"weight":1,"message":"` + strings.Repeat("x", 2_000_000) + `"}`

// notOurs are bodies that no request accepts.
var notOurs = []refusal{
	{`hello`, 400, "invalid_json"},
	{`{"weight":`, 400, "invalid_json"},
	{`{"weight":1} x`, 400, "invalid_json"},
	{`[{"weight":1}]`, 400, "invalid_json"},
	{`"weight"`, 400, "invalid_json"},
	{`null`, 400, "invalid_json"},
	{`7`, 400, "invalid_json"},
	{"\x00\x01\x02", 400, "invalid_json"},
	{"{\"name\":\"\xff\xfe\"}", 400, "invalid_utf8"},
	{huge, 413, "body_too_large"},
	{strings.Repeat(" ", 2_000_000), 413, "body_too_large"},
	{strings.Repeat(`{"a":`, 20_000) + strings.Repeat(`}`, 20_000), 400, "invalid_json"},
}

func badHellos() []refusal {
	list := append([]refusal{
		{``, 400, "invalid_json"},
		{`{}`, 400, "invalid_weight"},
		{`{"weight":null}`, 400, "invalid_weight"},
		{`{"weight":0}`, 400, "invalid_weight"},
		{`{"weight":-3}`, 400, "invalid_weight"},
		{`{"weight":1.5}`, 400, "invalid_weight"},
		{`{"weight":"3"}`, 400, "invalid_weight"},
		{`{"weight":[3]}`, 400, "invalid_weight"},
		{`{"weight":true}`, 400, "invalid_weight"},
		{`{"weight":1000001}`, 400, "invalid_weight"},
		{`{"weight":1000000000000}`, 400, "invalid_weight"},
		{`{"weight":1e999}`, 400, "invalid_weight"},
		{`{"weight":1,"slots":-1}`, 400, "invalid_slots"},
		{`{"weight":1,"slots":4097}`, 400, "invalid_slots"},
		{`{"weight":1,"slots":"2"}`, 400, "invalid_type"},
		{`{"weight":1,"pools":"default"}`, 400, "invalid_type"},
		{`{"weight":1,"kinds":[7]}`, 400, "invalid_type"},
		{`{"weight":1,"protocol":2}`, 400, "invalid_protocol"},
		{`{"weight":1,"direct":"yes"}`, 400, "invalid_type"},
		{`{"weight":1,"pools":["a"` + strings.Repeat(`,"a"`, 64) + `]}`, 413, "too_many_pools"},
	}, notOurs...)
	for _, name := range []string{
		"a.b", "a b", "*", ">", "a.*", "é", `a\u0000b`, `a\r\nNats-Evil: 1`, strings.Repeat("x", 10_240), strings.Repeat("x", 65),
	} {
		list = append(list,
			refusal{`{"weight":1,"name":"` + name + `"}`, 400, "invalid_name"},
			refusal{`{"weight":1,"instance":"` + name + `"}`, 400, "invalid_instance"},
			refusal{`{"weight":1,"pools":["ok","` + name + `"]}`, 400, "invalid_pools"},
			refusal{`{"weight":1,"kinds":["` + name + `"]}`, 400, "invalid_kinds"})
	}
	return append(list, refusal{`{"weight":1,"pools":[""]}`, 400, "invalid_pools"}, refusal{`{"weight":1,"kinds":[""]}`, 400, "invalid_kinds"})
}

func badAvailables() []refusal {
	return append([]refusal{
		{`{"finished":{}}`, 400, "invalid_type"},
		{`{"finished":["a7-42"]}`, 400, "invalid_type"},
		{`{"finished":[{"outcome":"done"}]}`, 400, "invalid_finished"},
		{`{"finished":[{"activation":"a.b","outcome":"done"}]}`, 400, "invalid_finished"},
		{`{"finished":[{"activation":"a7-42"}]}`, 400, "invalid_outcome"},
		{`{"finished":[{"activation":"a7-42","outcome":"lost"}]}`, 400, "invalid_outcome"},
		{`{"finished":[{"activation":"a7-42","outcome":"well"}]}`, 400, "invalid_outcome"},
		{`{"finished":[` + strings.Repeat(`{},`, 8192) + `{}]}`, 413, "too_many_finished"},
	}, notOurs...)
}

func badHeartbeats() []refusal {
	return append([]refusal{
		{`{"running":"a7-42"}`, 400, "invalid_type"},
		{`{"running":[1]}`, 400, "invalid_type"},
		{`{"running":["*"]}`, 400, "invalid_running"},
		{`{"running":[` + strings.Repeat(`"a",`, 8192) + `"a"]}`, 413, "too_many_running"},
		{`{"cpu":-0.5}`, 400, "invalid_load"},
		{`{"memory_bytes":-1}`, 400, "invalid_load"},
		{`{"cpu":"much"}`, 400, "invalid_type"},
	}, notOurs...)
}

func badLists() []refusal {
	return append([]refusal{
		{`{"limit":-1}`, 400, "invalid_limit"},
		{`{"limit":1001}`, 400, "invalid_limit"},
		{`{"limit":"all"}`, 400, "invalid_type"},
		{`{"cursor":"later"}`, 400, "invalid_cursor"},
		{`{"cursor":"-1"}`, 400, "invalid_cursor"},
		{`{"cursor":"18446744073709551615"}`, 400, "invalid_cursor"},
	}, notOurs...)
}

// sendBad sends each twice, as a request, which is to be refused, and as a message
// without a reply subject. It returns how many it sent.
func (r *rig) sendBad(t *testing.T, subject string, list []refusal) (sent uint64) {
	t.Helper()
	for _, bad := range list {
		t.Run(subject+" "+bad.code, func(t *testing.T) {
			r.in(t).refused(subject, bad.body, bad.status, bad.code)
			if err := r.nc.Publish(subject, []byte(bad.body)); err != nil {
				t.Fatal(err)
			}
			sent += 2
		})
	}
	return sent
}

// TestBadInputIsRefusedAndHarmsNothing sends all that is malformed to every
// subject, as requests and as messages without a reply subject, beside a worker
// that must not notice.
func TestBadInputIsRefusedAndHarmsNothing(t *testing.T) {
	r := started(t, nil)
	orders := r.orders()
	id := r.hello(`{"weight":1}`).ID
	held := receive(t, orders, "an activation").activation(t)
	var sent uint64
	for subject, list := range map[string][]refusal{
		r.names.Hello():       badHellos(),
		r.names.Heartbeat(id): badHeartbeats(),
		r.names.Available(id): badAvailables(),
		r.names.Bye(id):       notOurs,
		r.names.Workers():     badLists(),
		r.names.Status():      notOurs,
	} {
		sent += r.sendBad(t, subject, list)
	}
	for _, token := range []string{"a$b", "é", "a+b", strings.Repeat("x", 65), "a/b"} {
		for _, subject := range []string{"hb", "available", "bye"} {
			r.refused(r.names.Prefix()+"."+subject+"."+token, `{}`, 400, "invalid_subject")
			sent++
		}
	}
	eventually(t, "all malformed messages to be counted", func() bool { return r.status().Malformed == sent })

	s := r.status()
	if s.Workers.Registered != 1 || s.Workers.Joined != 1 || s.Activations.Started != 1 || s.Activations.Running != 1 {
		t.Errorf("bad input changed the state: %+v", s)
	}
	r.available(id, held)
	r.available(id, receive(t, orders, "the next activation").activation(t))
	second := r.hello(`{"weight":1000}`).ID
	for receive(t, orders, "an activation of a worker that came after the bad input").ID != second {
		r.must(r.names.Available(id), "", new(map[string]any))
	}
}

// TestWhatIsNotTheirs: well-formed, but of a worker or an activation that is not
// there or not the sender's. It is refused by the state, so it is not malformed.
func TestWhatIsNotTheirs(t *testing.T) {
	r := started(t, nil)
	orders := r.orders()
	mine := r.hello(`{"weight":1}`).ID
	a := receive(t, orders, "an activation").activation(t)
	other := r.hello(`{"weight":1}`).ID
	b := receive(t, orders, "an activation").activation(t)

	for _, nobody := range []ha.WorkerID{"0000000000000000", "nobody", "-", ha.WorkerID(strings.Repeat("f", 64))} {
		for _, subject := range []string{r.names.Heartbeat(nobody), r.names.Available(nobody), r.names.Bye(nobody)} {
			r.refused(subject, `{}`, 404, "unknown_worker")
		}
		r.refused(r.names.Available(nobody), finished(a, ha.OutcomeDone), 404, "unknown_worker")
		r.refused(r.names.Heartbeat(nobody), fmt.Sprintf(`{"running":[%q]}`, a), 404, "unknown_worker")
	}
	for _, strange := range []ha.ActivationID{b, "a7-42", "a0-0", "never", a + "0", "A" + a[1:]} {
		r.refused(r.names.Available(mine), finished(strange, ha.OutcomeDone), 409, "not_yours")
	}
	var partly subjects.OK
	r.must(r.names.Available(other), fmt.Sprintf(
		`{"finished":[{"activation":%q,"outcome":"done"},{"activation":%q,"outcome":"failed"}]}`, a, b), &partly)
	if len(partly.Ignored) != 1 || partly.Ignored[0] != a {
		t.Errorf("ignored %v, want %v", partly.Ignored, a)
	}
	s := r.status()
	if s.Malformed != 0 || s.Activations.Done != 0 || s.Activations.Failed != 1 {
		t.Errorf("malformed %d, activations %+v", s.Malformed, s.Activations)
	}
}

func TestSettingsThatCannotWorkAreAllNamed(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		change func(*dispatcher.Config)
		want   []string
	}{
		{func(c *dispatcher.Config) { c.Timing.Misses = 9 }, []string{"9 × 5s + 2s = 47s", "45s"}},
		{func(c *dispatcher.Config) { c.Timing.EvictAfter = 27 * time.Second }, []string{"5 × 5s + 2s = 27s", "evict after is 27s"}},
		{func(c *dispatcher.Config) { c.Timing = ha.Timing{Heartbeat: -1, ReplyTimeout: -1, Misses: -1} }, []string{"heartbeat", "reply timeout", "misses"}},
		{func(c *dispatcher.Config) { c.Timing.ReplyTimeout = 6 * time.Second }, []string{"reply timeout must be from 1ms to the heartbeat (5s)"}},
		{func(c *dispatcher.Config) {
			c.Name, c.Prefix, c.ActivateEvery, c.ShareWindow, c.MaxWorkers = "a.b", "x..y", -2, -2, -1
			c.Timing.Misses = 9
		}, []string{"9 × 5s", "name must be", "subject prefix", "activate every", "share window", "max workers"}},
	} {
		t.Run(c.want[0], func(t *testing.T) {
			_, err := dispatcher.New(r.nc, r.config(c.change))
			if !errors.Is(err, ha.ErrInvalid) {
				t.Errorf("error is %v, want one that matches ErrInvalid", err)
				return
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error does not name %q: %v", want, err)
				}
			}
		})
	}
	if _, err := dispatcher.New(nil, r.config(nil)); !errors.Is(err, ha.ErrInvalid) {
		t.Errorf("without a connection: %v", err)
	}
}
