package dispatcher_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/subjects"
)

// pages asks for the whole list, page by page, and returns the ids and the
// length in bytes of the longest page.
func (r *rig) pages(limit int) (ids []ha.WorkerID, pages, longest int) {
	r.t.Helper()
	for cursor := ""; ; {
		body, err := json.Marshal(subjects.WorkersRequest{Limit: limit, Cursor: cursor})
		if err != nil {
			r.t.Fatal(err)
		}
		msg, err := r.nc.Request(r.names.Workers(), body, patience)
		if err != nil {
			r.t.Fatalf("page %d: %v", pages+1, err)
		}
		var list subjects.Workers
		if err := json.Unmarshal(msg.Data, &list); err != nil {
			r.t.Fatalf("%v: %s", err, msg.Data)
		}
		for _, w := range list.Workers {
			ids = append(ids, w.ID)
		}
		pages++
		longest = max(longest, len(msg.Data))
		if limit > 0 && len(list.Workers) > limit {
			r.t.Errorf("page of %d workers, asked for %d", len(list.Workers), limit)
		}
		if list.Next == "" {
			return ids, pages, longest
		}
		if len(list.Workers) == 0 || list.Next == cursor {
			r.t.Fatalf("a page with %d workers says that %s is next", len(list.Workers), list.Next)
		}
		cursor = list.Next
	}
}

func (r *rig) sameIDs(got, want []ha.WorkerID) {
	r.t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		r.t.Errorf("listed %v\nwant   %v", got, want)
	}
}

func TestTheListOfWorkersComesInPages(t *testing.T) {
	r := started(t, nil)
	if ids, pages, _ := r.pages(10); len(ids) != 0 || pages != 1 {
		t.Errorf("nobody is registered: %v in %d pages", ids, pages)
	}
	var want []ha.WorkerID
	for range 25 {
		want = append(want, r.hello(`{"weight":1}`).ID)
	}
	for limit, pages := range map[int]int{0: 1, 1: 25, 10: 3, 24: 2, 25: 1, 26: 1, 1000: 1} {
		t.Run(fmt.Sprint("limit ", limit), func(t *testing.T) {
			r := r.in(t)
			ids, n, _ := r.pages(limit)
			r.sameIDs(ids, want)
			if n != pages {
				t.Errorf("%d workers by %d came in %d pages, want %d", len(want), limit, n, pages)
			}
		})
	}
	// A cursor stays good when the worker it points behind is gone.
	var list subjects.Workers
	r.must(r.names.Workers(), `{"limit":10}`, &list)
	r.must(r.names.Bye(want[9]), "", new(map[string]any))
	r.must(r.names.Bye(want[10]), "", new(map[string]any))
	var rest subjects.Workers
	r.must(r.names.Workers(), `{"cursor":"`+list.Next+`"}`, &rest)
	if rest.Total != 23 || len(rest.Workers) != 14 || rest.Workers[0].ID != want[11] {
		t.Errorf("%d workers of %d are the rest: %+v", len(rest.Workers), rest.Total, rest)
	}
	var behind subjects.Workers
	r.must(r.names.Workers(), `{"cursor":"18446744073709551614"}`, &behind)
	if len(behind.Workers) != 0 || behind.Next != "" {
		t.Errorf("behind the last there are %+v", behind)
	}
}

// longHello is a hello whose every field is as long as may be.
func longHello() string {
	names := func(first string) string {
		list := make([]string, subjects.MaxNames)
		for i := range list {
			list[i] = fmt.Sprintf("%s%03d", strings.Repeat(first, ha.MaxToken-3), i)
		}
		return `["` + strings.Join(list, `","`) + `"]`
	}
	return fmt.Sprintf(`{"weight":1000000,"slots":4096,"direct":true,"name":%q,"pools":%s,"kinds":%s}`,
		strings.Repeat("n", ha.MaxToken), names("p"), names("k"))
}

// TestAPageFitsIntoOneMessage: of workers whose every field is as long as may be,
// a thousand would be 9 MB.
func TestAPageFitsIntoOneMessage(t *testing.T) {
	r := started(t, nil)
	body := longHello()
	var want []ha.WorkerID
	for range 300 {
		want = append(want, r.hello(body).ID)
	}
	ids, pages, longest := r.pages(0)
	r.sameIDs(ids, want)
	if longest > 900_000 || pages > 4 {
		t.Errorf("%d workers came in %d pages of up to %d bytes", len(ids), pages, longest)
	}
}

func TestStatusCounts(t *testing.T) {
	r := started(t, func(c *dispatcher.Config) { c.Name = "east" })
	orders := r.orders()
	first := r.hello(`{"weight":1}`).ID
	for _, outcome := range []ha.Outcome{ha.OutcomeDone, ha.OutcomeFailed, ha.OutcomeCancelled, ha.OutcomeTimedOut, ha.OutcomeRejected, ha.OutcomeDone} {
		r.must(r.names.Available(first), finished(receive(t, orders, "an activation").activation(t), outcome), new(map[string]any))
		if outcome == ha.OutcomeRejected { // it is given nothing until it is heard of again
			r.none(orders)
			r.heartbeat(first, holding())
		}
	}
	r.hello(`{"weight":1,"kinds":["k"]}`) // takes no plain activations
	leaving := r.hello(`{"weight":1}`).ID
	r.must(r.names.Bye(leaving), "", new(map[string]any))
	s := r.status()
	if want := (subjects.WorkerCounts{Registered: 2, Idle: 1, Busy: 1, Joined: 3, Left: 1}); s.Workers != want {
		t.Errorf("workers %+v, want %+v", s.Workers, want)
	}
	want := subjects.Activations{Started: 8, Running: 1, Done: 2, Failed: 1, Cancelled: 1, TimedOut: 1, Rejected: 1, Lost: 1}
	if s.Activations != want {
		t.Errorf("activations %+v, want %+v", s.Activations, want)
	}
	if s.Leader.Name != "east" || s.Leader.Epoch == 0 || len(s.Dispatchers) != 1 || s.Dispatchers[0].Name != "east" ||
		s.Dispatchers[0].Role != "leader" || s.Journal.Kind != "memory" || s.Journal.Position == 0 || s.Journal.Position != s.Leader.Position {
		t.Errorf("status %+v", s)
	}
	if again := r.status(); again.Journal.Position != s.Journal.Position {
		t.Error("a question made an entry in the journal")
	}
}

// TestTheMicroToolsFindTheDispatcher as "nats micro ls, info and stats" do.
func TestTheMicroToolsFindTheDispatcher(t *testing.T) {
	r := started(t, func(c *dispatcher.Config) { c.Name = "found" })
	id := r.hello(`{"weight":1}`).ID
	for range 6 {
		r.heartbeat(id, "")
	}
	for range 2 {
		r.refused(r.names.Heartbeat(id), "[]", 400, "invalid_json")
	}
	var ping micro.Ping
	r.discover("$SRV.PING", &ping, &ping.ServiceIdentity)
	r.discover("$SRV.PING.ha", &ping, &ping.ServiceIdentity)
	if ping.Name != dispatcher.ServiceName || ping.Metadata["name"] != "found" {
		t.Errorf("ping %+v", ping)
	}
	var info micro.Info
	r.discover("$SRV.INFO.ha", &info, &info.ServiceIdentity)
	if got := info.Metadata; got["role"] != "leader" || got["epoch"] != fmt.Sprint(r.status().Leader.Epoch) {
		t.Errorf("info says %v of the leader", got)
	}
	endpoints := map[string]string{}
	for _, e := range info.Endpoints {
		endpoints[e.Name] = e.Subject
	}
	want := map[string]string{
		"hello": r.names.Hello(), "heartbeat": r.names.HeartbeatAll(), "available": r.names.AvailableAll(),
		"bye": r.names.ByeAll(), "progress": r.names.ProgressAll(), "workers": r.names.Workers(), "status": r.names.Status(),
	}
	for _, what := range []string{
		subjects.TaskSubmit, subjects.TaskGet, subjects.TaskWait, subjects.TaskList, subjects.TaskCancel, subjects.TaskRetry,
		subjects.TaskPull, subjects.TaskRun, subjects.TaskDelete, subjects.TaskPause, subjects.TaskResume, subjects.TaskLimit, subjects.TaskStats, subjects.TaskBatch,
	} {
		want["task-"+what] = r.names.Task(what)
	}
	for _, what := range []string{subjects.ClusterClock, subjects.ClusterUpgrade} {
		want["cluster-"+what] = r.names.Cluster(what)
	}
	if fmt.Sprint(endpoints) != fmt.Sprint(want) {
		t.Errorf("endpoints %v, want %v", endpoints, want)
	}
	// What the loop refuses counts like what is malformed.
	r.refused(r.names.Task(subjects.TaskGet), `{"id":"nothing"}`, 404, "unknown_task")
	r.must(r.names.Task(subjects.TaskSubmit), `{"id":"one","kind":"k"}`, &subjects.Submitted{})
	r.refused(r.names.Task(subjects.TaskSubmit), `{"id":"one","kind":"other"}`, 409, "id_conflict")
	r.refused(r.names.Available(id), `{"finished":[{"activation":"x-1","outcome":"done"}]}`, 409, "not_yours")
	var stats micro.Stats
	r.discover("$SRV.STATS.ha."+info.ID, &stats, &stats.ServiceIdentity)
	counted := map[string]string{}
	for _, e := range stats.Endpoints {
		if e.NumRequests > 0 && e.Name != "status" {
			counted[e.Name] = fmt.Sprintf("%d %d %s", e.NumRequests, e.NumErrors, e.LastError)
		}
		if e.NumRequests > 0 && (e.ProcessingTime <= 0 || e.AverageProcessingTime != e.ProcessingTime/time.Duration(e.NumRequests)) {
			t.Errorf("%s took %s, %s on average", e.Name, e.ProcessingTime, e.AverageProcessingTime)
		}
	}
	want = map[string]string{
		"hello": "1 0 ", "heartbeat": "8 2 400:body must be a JSON object, got []", "available": "1 1 409:worker " + string(id) + " does not run activation x-1",
		"task-get": "1 1 404:there is no task nothing", "task-submit": "2 1 409:a task one was submitted with other content",
	}
	if !maps.Equal(counted, want) {
		t.Errorf("stats count\n%q, want\n%q", counted, want)
	}
}

// TestARequestThatDoesNotExistIsAnswered, with the one that was meant.
func TestARequestThatDoesNotExistIsAnswered(t *testing.T) {
	r := started(t, nil)
	for subject, says := range map[string]string{
		r.names.Task("sumbit"):      `did you mean "` + r.names.Task("submit") + `"?`,
		r.names.Task("Get"):         `did you mean "` + r.names.Task("get") + `"?`,
		r.names.Cluster("clok"):     `did you mean "` + r.names.Cluster("clock") + `"?`,
		r.names.Task("drop"):        "those of task are submit, get, wait,",
		r.names.Task("get") + ".t1": "one request must follow task",
		r.names.Cluster("up.grade"): "one request must follow cluster",
	} {
		if refusal := r.refused(subject, `{}`, 400, "invalid_subject"); !strings.Contains(refusal, says) {
			t.Errorf("%s: %s, which lacks %s", subject, refusal, says)
		}
	}
}

// discover asks all services and decodes the answer of this rig's dispatcher.
func (r *rig) discover(subject string, into any, identity *micro.ServiceIdentity) {
	r.t.Helper()
	inbox := r.nc.NewRespInbox()
	sub, err := r.nc.SubscribeSync(inbox)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() {
		if err := sub.Unsubscribe(); err != nil {
			r.t.Error(err)
		}
	}()
	if err := r.nc.PublishMsg(&nats.Msg{Subject: subject, Reply: inbox}); err != nil {
		r.t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; {
		msg, err := sub.NextMsg(time.Until(deadline))
		if err != nil {
			r.t.Fatalf("%s: no answer of the dispatcher %s: %v", subject, r.names.Prefix(), err)
		}
		if err := json.Unmarshal(msg.Data, into); err != nil {
			r.t.Fatalf("%s: %v: %s", subject, err, msg.Data)
		}
		if identity.Metadata["prefix"] == r.names.Prefix() {
			return
		}
	}
}
