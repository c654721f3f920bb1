package ha_test

import (
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// onTheWire are the messages that the protocol's page describes, by the beginning of
// the heading under which they are shown, in the order of the page.
var onTheWire = []struct {
	heading  string
	messages []any
}{
	{"`ha.hello`", []any{subjects.Hello{}, subjects.HelloReply{}}},
	{"`ha.hb.", []any{subjects.Heartbeat{}}},
	{"`ha.activate`", []any{subjects.Activate{}}},
	{"The task of an activation", []any{subjects.Activate{}}},
	{"`ha.available.", []any{subjects.Available{}}},
	{"`ha.progress.", []any{subjects.ProgressReport{}}},
	{"`ha.task.submit`", []any{ha.TaskSpec{}, []ha.TaskSpec{}, []subjects.Submitted{}}},
	{"`ha.task.get`", []any{subjects.TaskRequest{}}},
	{"The record", []any{ha.TaskRecord{}}},
	{"`ha.task.wait`", []any{subjects.WaitRequest{}}},
	{"`ha.task.list`", []any{subjects.ListRequest{}, subjects.TaskPage{}}},
	{"`ha.task.cancel`", []any{subjects.TaskRequest{}}},
	{"`ha.task.run`", []any{subjects.TaskRequest{}}},
	{"`ha.task.delete`", []any{subjects.TaskRequest{}}},
	{"`ha.task.retry`", []any{subjects.RetryRequest{}, subjects.RetryRequest{}, subjects.Retried{}}},
	{"`ha.task.pull`", []any{subjects.PullRequest{}, subjects.Pulled{}}},
	{"`ha.task.pause`", []any{subjects.PauseRequest{}}},
	{"`ha.task.limit`", []any{ha.Limit{}}},
	{"`ha.task.stats`", []any{subjects.TaskReport{}}},
	{"`ha.task.batch`", []any{subjects.BatchRequest{}, ha.TaskBatch{}}},
	{"`ha.workers`", []any{subjects.Workers{}}},
	{"`ha.status`", []any{subjects.Status{}}},
	{"`ha.cluster.upgrade`", []any{subjects.Upgraded{}}},
	{"Where the dispatchers stand", []any{subjects.Dispatcher{}}},
}

var jsonBlock = regexp.MustCompile("(?ms)^```json\n(.*?)\n```$")

// sectionOf returns what stands below the first heading that begins so.
func sectionOf(t *testing.T, page, heading string) string {
	t.Helper()
	_, rest, found := strings.Cut(page, "# "+heading)
	if !found {
		t.Fatalf("there is no heading %q", heading)
	}
	_, rest, _ = strings.Cut(rest, "\n")
	if end := regexp.MustCompile(`(?m)^#{2,6} `).FindStringIndex(rest); end != nil {
		rest = rest[:end[0]]
	}
	return rest
}

// TestDocsExamplesAreMessages: each message that the protocol shows has the fields
// that the code reads and writes, and no others.
func TestDocsExamplesAreMessages(t *testing.T) {
	page := read(t, "docs/protocol.md")
	shown := 0
	for _, w := range onTheWire {
		blocks := jsonBlock.FindAllStringSubmatch(sectionOf(t, page, w.heading), -1)
		if len(blocks) != len(w.messages) {
			t.Errorf("%s: shows %d messages, want %d", w.heading, len(blocks), len(w.messages))
			continue
		}
		for i, block := range blocks {
			into := reflect.New(reflect.TypeOf(w.messages[i]))
			d := json.NewDecoder(strings.NewReader(block[1]))
			d.DisallowUnknownFields()
			if err := d.Decode(into.Interface()); err != nil {
				t.Errorf("%s: message %d is no %T: %v", w.heading, i+1, w.messages[i], err)
			}
			shown++
		}
	}
	if all := len(jsonBlock.FindAllString(page, -1)); all != shown {
		t.Errorf("the page shows %d messages, of which %d were looked at", all, shown)
	}
}

// TestDocsExamplesAreAccepted: what the protocol shows as a task is one.
func TestDocsExamplesAreAccepted(t *testing.T) {
	page := read(t, "docs/protocol.md")
	task := jsonBlock.FindStringSubmatch(sectionOf(t, page, "`ha.task.submit`"))[1]
	if _, _, err := subjects.DecodeSubmit([]byte(task)); err != nil {
		t.Errorf("the task is refused: %v", err)
	}
	batch := jsonBlock.FindStringSubmatch(sectionOf(t, page, "`ha.task.batch`"))[1]
	if _, err := subjects.DecodeBatch([]byte(batch)); err != nil {
		t.Errorf("the request about a batch is refused: %v", err)
	}
	limit := jsonBlock.FindStringSubmatch(sectionOf(t, page, "`ha.task.limit`"))[1]
	if _, err := subjects.DecodeLimit([]byte(limit)); err != nil {
		t.Errorf("the limit is refused: %v", err)
	}
}

// TestDocsNameEveryField: no field of a message is missing on the page.
func TestDocsNameEveryField(t *testing.T) {
	page := read(t, "docs/protocol.md")
	seen := map[reflect.Type]bool{}
	var look func(reflect.Type)
	look = func(of reflect.Type) {
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct || !strings.HasPrefix(of.PkgPath(), module) || seen[of] {
			return
		}
		seen[of] = true
		for f := range of.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if !strings.Contains(page, "`"+name+"`") && !strings.Contains(page, `"`+name+`":`) {
				t.Errorf("%s.%s: the page does not name %q", of, f.Name, name)
			}
			look(f.Type)
		}
	}
	for _, r := range subjects.Requests() {
		for _, f := range r.Forms {
			look(f.Request)
			look(f.Reply)
		}
	}
	for _, a := range subjects.Announcements() {
		look(a.Message)
	}
	if len(seen) < 30 {
		t.Errorf("looked at %d types only", len(seen))
	}
}

// TestDocsHaveASectionForEveryRequest of the table.
func TestDocsHaveASectionForEveryRequest(t *testing.T) {
	page := read(t, "docs/protocol.md")
	names, err := subjects.NewNames("")
	if err != nil {
		t.Fatal(err)
	}
	headings := heading.FindAllStringSubmatch(codeBlock.ReplaceAllString(page, ""), -1)
	has := func(subject string) bool {
		return slices.ContainsFunc(headings, func(h []string) bool { return strings.Contains(h[1], "`"+subject+"`") })
	}
	for _, r := range subjects.Requests() {
		if subject := r.Subject(names, "<id>"); !has(subject) {
			t.Errorf("the page has no section for %s", subject)
		}
	}
}

var eventName = regexp.MustCompile(`(?m)^\tWhat[A-Z]\w+ += "(\w+)"$`)

// TestDocsNameEveryEvent of tasks.
func TestDocsNameEveryEvent(t *testing.T) {
	page := read(t, "docs/protocol.md")
	_, ofTasks, _ := strings.Cut(read(t, "subjects/event.go"), "EntityTask ")
	names := eventName.FindAllStringSubmatch(ofTasks, -1)
	if len(names) < 12 {
		t.Fatalf("found only %d names: is the pattern still right?", len(names))
	}
	for _, n := range names {
		if !strings.Contains(page, "`ha.event.task."+n[1]+"`") {
			t.Errorf("the page does not name ha.event.task.%s", n[1])
		}
	}
}

// TestDocsNameEveryState, and every reason for one.
func TestDocsNameEveryState(t *testing.T) {
	for _, path := range []string{"docs/protocol.md", "docs/tasks.md"} {
		page := read(t, path)
		for _, s := range ha.TaskStates() {
			if !strings.Contains(page, "| `"+string(s)+"` |") {
				t.Errorf("%s does not explain the state %s", path, s)
			}
		}
	}
	reasons := regexp.MustCompile(`(?s)var reasonNames = .*?\n\}`).FindString(read(t, "dispatcher/internal/record/task_state.go"))
	found := regexp.MustCompile(`"(\w+)"`).FindAllStringSubmatch(reasons, -1)
	if len(found) < 10 {
		t.Fatalf("found only %d reasons: is the pattern still right?", len(found))
	}
	page := read(t, "docs/tasks.md")
	for _, r := range found {
		if !strings.Contains(page, "| `"+r[1]+"` |") {
			t.Errorf("docs/tasks.md does not explain the reason %s", r[1])
		}
	}
}
